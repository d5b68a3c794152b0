"""Sessions under fault: ended at once, closed in doubt, never signed out (I13, I17, I25)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chaos.site import SHORT, Site, rename, site
from chaos.witness import Witness, witness
from support.following import stopped
from support.people import Person, add_organization

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

NOW = 1.0
"""Seconds within which an end takes effect."""
QUERIES = ("session", "user", "organizations", "organization", "devices")


async def deleted(place: Site, person: Person) -> None:
    async with place.store.writing() as writing:
        await writing.delete_one("user", {"_id": person.id})


async def revoked(place: Site, person: Person) -> None:
    async with place.store.writing() as writing:
        await writing.delete_one("session", {"_id": person.session_id})


async def revoked_by_a_program(place: Site, person: Person) -> None:
    """All sessions of the user, by one that knows nothing of us."""
    await place.store._collection("session").delete_many({"userId": person.id})


async def banned(place: Site, person: Person) -> None:
    async with place.store.writing() as writing:
        await writing.update_one("user", {"_id": person.id}, {"$set": {"banned": True}})


async def expired(place: Site, person: Person) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.3)
    async with place.store.writing() as writing:
        change = {"$set": {"expiresAt": at}}
        await writing.update_one("session", {"_id": person.session_id}, change)


ENDS = [deleted, revoked, revoked_by_a_program, banned, expired]


def told_after(live: Witness, moment: float) -> list[dict[str, Any]]:
    """Data that came after the moment."""
    return [each.frame for each in live.told if each.at > moment and each.frame["op"] == "update"]


# I13


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_i13_an_ended_session_is_closed_at_once_with_a_reason_and_told_nothing_more(
    place: Site, end: Any
) -> None:
    """Also those who are about to subscribe, and those who reconnect."""
    alice = await place.person()
    async with (
        witness(place.server.address, *QUERIES, cookie=alice.cookie) as live,
        witness(place.server.address, cookie=alice.cookie) as idle,
    ):
        await live.until_shown(4)
        await idle.until(lambda: bool(idle.frames))
        began = time.monotonic()
        await end(place, alice)
        ended = time.monotonic()
        with contextlib.suppress(Exception):  # it may be closed before it is asked
            await idle.subscribe(1, "session")
        for each in (live, idle):
            await each.until_ended(within=3)
            assert each.ended_at - began < NOW + 0.3
            assert each.close_code == 4401
            assert each.bye in ("deleted", "revoked", "banned", "expired")
            assert not told_after(each, ended + NOW)
    async with witness(place.server.address, "session", cookie=alice.cookie) as again:
        assert await again.until_shown(0) is None


async def test_i13_a_lost_membership_takes_the_organization_away_at_once(place: Site) -> None:
    alice, bob = await place.person(), await place.person("Bob")
    organization = await add_organization(place.store, "O", {alice.id: "owner", bob.id: "member"})
    async with place.store.writing() as writing:
        change = {"$set": {"activeOrganizationId": str(organization)}}
        await writing.update_one("user", {"_id": bob.id}, change)
    async with witness(place.server.address, *QUERIES, cookie=bob.cookie) as live:
        await live.until_shown(3, lambda data: data is not None)
        member = {"userId": bob.id, "organizationId": organization}
        for role in ("admin", "member"):
            async with place.store.writing() as writing:
                await writing.update_one("member", member, {"$set": {"role": role}})
            await live.until_shown(0, lambda data, role=role: data["role"] == role, within=NOW)  # type: ignore[misc]
        async with place.store.writing() as writing:
            await writing.delete_one("member", member)
        await live.until_shown(0, lambda data: data["organization"] is None, within=NOW)
        await live.until_shown(3, lambda data: data is None, within=NOW)
        seen = len(live.told)
        async with place.store.writing() as writing:
            change = {"$set": {"name": "not for Bob"}}
            await writing.update_one("organization", {"_id": organization}, change)
        await rename(place.store, bob, "Robert")
        await live.until_shown(1, lambda data: data["name"] == "Robert")
        assert "not for Bob" not in str(live.frames[seen:])


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_i13_who_does_not_read_is_cut_when_the_session_ends(
    data: tuple[Store, Settings], end: Any
) -> None:
    """Long before the deadline for writing, and without a word more."""
    limits = SHORT.model_copy(update={"write_deadline": 30.0})
    async with site(*data, limits=limits) as place:
        alice = await place.person(image="x" * 60_000)
        hub = place.server.wire.relay.hub
        async with witness(place.server.address, cookie=alice.cookie, port=place.door.port) as live:
            await live.until(lambda: bool(live.frames))
            place.door.down.hold()
            for id in range(40):
                await live.subscribe(id, "user")
                await rename(place.store, alice, f"n{id}")
            for _ in range(40):
                await rename(place.store, alice, "x" * 50_000)
            assert hub.connections == 1
            began = time.monotonic()
            await end(place, alice)
            while hub.connections:
                await asyncio.sleep(0.01)
                assert time.monotonic() - began < NOW + 2.3  # the close itself may take two
            place.door.down.release()


async def test_i13_while_the_stream_is_down_the_server_says_stale_and_then_closes_in_doubt(
    data: tuple[Store, Settings],
) -> None:
    """What was revoked meanwhile is told nothing from then on, and is signed out afterwards."""
    async with site(*data) as place:
        alice, bob = await place.person(), await place.person("Bob")
        async with (
            witness(place.server.address, *QUERIES, cookie=alice.cookie) as live,
            witness(place.server.address, *QUERIES, cookie=bob.cookie) as other,
        ):
            await live.until_shown(4)
            await other.until_shown(4)
            place.link.hold()
            began = time.monotonic()
            await revoked(place, alice)
            await rename(place.store, alice, "not for this session")
            stale = {"op": "status", "live": False}
            for each in (live, other):
                await each.until(lambda each=each: stale in each.frames, within=3)  # type: ignore[misc]
            for each in (live, other):
                await each.until_ended(within=6)
                took = each.ended_at - began
                assert took < SHORT.unverifiable_after + 1.5, took
                assert each.bye == "unverifiable" and each.close_code == 4503
                assert "not for this session" not in str(each.frames)
        with pytest.raises(InvalidStatus) as refused:
            async with witness(place.server.address, cookie=alice.cookie):
                pass
        assert refused.value.response.status_code == 503
        place.link.release()
        place.link.cut()
        assert await _settled(place, alice) is None
        assert await _settled(place, bob) == "Bob"


async def _settled(place: Site, person: Person) -> str | None:
    """Whom a new connection shows, once there is one again."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(InvalidStatus, ConnectionClosed, TimeoutError):
                async with witness(place.server.address, "session", cookie=person.cookie) as live:
                    shown = await live.until_shown(0, within=2)
                    return None if shown is None else str(shown["user"]["name"])
            await asyncio.sleep(0.05)


# I17, I25


async def test_i17_an_outage_is_never_nobody_and_never_somebody(
    place: Site, mongo: EmbeddedMongo
) -> None:
    """At the handshake, at a subscription, in the middle: no null, no data of nowhere."""
    alice, bob = await place.person(), await place.person("Bob")
    async with witness(place.server.address, "session", cookie=alice.cookie) as live:
        await live.until_shown(0)
        with stopped(mongo.pid):
            await live.subscribe(1, "devices")
            async with place.server.http() as http:
                known = await http.get("/api/auth/get-session", headers={"cookie": alice.cookie})
                unknown = await http.get("/api/auth/get-session", headers={"cookie": bob.cookie})
            assert unknown.status_code == 503
            assert known.status_code in (200, 503)
            assert known.status_code == 503 or known.json()["user"]["name"] == "Alice"
            with pytest.raises(InvalidStatus) as refused:
                async with witness(place.server.address, cookie=bob.cookie):
                    pass
            assert refused.value.response.status_code == 503
            await live.until(lambda: {"op": "status", "live": False} in live.frames, within=3)
            for frame in live.frames:
                assert "null" not in str([r.get("data", 0) for r in frame.get("results", [])])
                assert all("error" not in r for r in frame.get("results", []))
            assert 1 not in live.shows
        await live.until(lambda: {"op": "status", "live": True} in live.frames)
        assert len(await live.until_shown(1)) == 1
        assert all(r["data"] is not None for f in live.updates for r in f["results"])
        assert live.bye is None and live.monotonic()


async def test_i17_a_first_read_that_takes_long_is_pending_and_then_right(
    data: tuple[Store, Settings],
) -> None:
    limits = SHORT.model_copy(update={"read_deadline": 5.0, "max_staleness": 5.0})
    async with site(*data, limits=limits) as place:
        alice = await place.person()
        async with witness(place.server.address, cookie=alice.cookie) as live:
            await live.until(lambda: bool(live.frames))
            place.link.down.delay = 0.4
            await live.subscribe(1, "devices")
            await live.until_shown(1)
            of_it = [frame for frame in live.frames if frame["op"] in ("pending", "update")]
            assert of_it[0] == {"op": "pending", "id": 1} and len(live.shows[1]) == 1
            place.link.down.delay = 0.0


@pytest.mark.parametrize("how", ["stands still", "is cut off", "refuses"])
async def test_i25_an_outage_is_told_within_its_bounds_and_over_when_it_is_over(
    place: Site, mongo: EmbeddedMongo, how: str
) -> None:
    alice = await place.person()
    async with (
        witness(place.server.address, "session", cookie=alice.cookie) as live,
        place.server.http(headers={"cookie": alice.cookie}) as http,
        contextlib.AsyncExitStack() as outage,
    ):
        await live.until_shown(0)
        began = time.monotonic()
        if how == "stands still":
            outage.enter_context(stopped(mongo.pid))
        elif how == "is cut off":
            place.link.hold()
        else:
            place.link.refuse()
            place.link.cut()
        await live.until(lambda: live.frames[-1] == {"op": "status", "live": False}, within=3)
        assert time.monotonic() - began < SHORT.max_staleness + 1
        async with asyncio.TaskGroup() as group:
            group.create_task(_turned_away(place, alice))
            for method, path in (("GET", "get-session"), ("POST", "update-user")):
                asked = time.monotonic()
                body = {"name": "Ada"} if method == "POST" else None
                answer = await http.request(method, f"/api/auth/{path}", json=body)
                assert answer.status_code == 503, answer.text
                assert time.monotonic() - asked < SHORT.read_deadline + 1
                assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
        assert (await http.get("/api/auth/ok")).status_code == 200
        await outage.aclose()
        place.link.release()
        if how == "refuses":
            await place.link.listen()
        if live.bye is None:  # else the outage was just long enough to doubt the session
            await live.until(
                lambda: live.frames[-1] == {"op": "status", "live": True} or live.bye is not None
            )
        assert await _settled(place, alice) is not None
        assert live.bye in (None, "unverifiable")


async def _turned_away(place: Site, person: Person) -> None:
    """A handshake has more time for its head than its reads have for the database."""
    asked = time.monotonic()
    with pytest.raises(InvalidStatus) as refused:
        async with witness(place.server.address, cookie=person.cookie):
            pass
    assert refused.value.response.status_code == 503
    assert time.monotonic() - asked < SHORT.read_deadline + 1
