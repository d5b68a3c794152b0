"""The stream under fault: no gap, no loop, no event that wedges it (I1, I4, I5, I9 to I12)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, Regex, Timestamp

from chaos.replica_set import forgetful
from chaos.seeds import dice, longer
from chaos.site import SECRET, SHORT, Site, rename, site
from chaos.witness import Witness, witness
from sessionwire.model import format_version
from sessionwire.settings import load_settings
from sessionwire.store.mongo import Store
from support.following import failing, following
from support.people import Person, add_organization, add_person
from support.process import Served, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from chaos.replica_set import ReplicaSet
    from sessionwire.reactive.view import Context
    from sessionwire.settings import Settings

PER_CONNECTION = 60


def counter(ctx: Context, id: int) -> int:
    document = ctx.get("counter", id)
    return 0 if document is None else int(document["n"])


async def count(store: Store, id: int, n: int) -> None:
    async with store.writing() as writing:
        await writing.update_one("counter", {"_id": id}, {"$set": {"n": n}}, upsert=True)


# I1, I4, I5


async def test_i01_of_many_changes_at_once_each_is_shown(data: tuple[Store, Settings]) -> None:
    """Everybody gets another name, and is sent to another organization, by two commands."""
    async with contextlib.AsyncExitStack() as stack:
        place = await stack.enter_async_context(site(*data))
        people = [await place.person(f"P{n}") for n in range(20)]
        everybody = {each.id: "member" for each in people}
        places = [await add_organization(place.store, name, everybody) for name in ("One", "Two")]
        tabs = [
            await stack.enter_async_context(
                witness(place.server.address, "session", cookie=each.cookie)
            )
            for each in people
        ]
        users = place.store._collection("user")
        for turn in range(longer(6)):
            for field, value in (
                ("name", f"Turn {turn}"),
                ("activeOrganizationId", str(places[turn % 2])),
            ):
                await users.update_many({}, {"$set": {field: value}})
            for live in tabs:
                await live.until_shown(
                    0,
                    lambda data, turn=turn: (  # type: ignore[misc]
                        data["user"]["name"] == f"Turn {turn}"
                        and (data["organization"] or {}).get("id") == str(places[turn % 2])
                    ),
                    within=5,
                )


async def test_i04_nothing_is_lost_between_the_read_and_the_stream(
    data: tuple[Store, Settings],
) -> None:
    """Every load takes its time, before and after it reads; and something is written meanwhile."""
    random = dice()
    async with site(*data, queries={"counter": counter}) as place:
        loader = place.server.wire.relay._loader
        load = loader.load

        async def slow(keys: Any, **how: Any) -> Any:
            await asyncio.sleep(random.uniform(0, 0.1))
            found = await load(keys, **how)
            await asyncio.sleep(random.uniform(0, 0.1))
            return found

        loader.load = slow  # type: ignore[method-assign]
        wanted = longer(300)

        async def subscribe(live: Witness, id: int) -> None:
            await live.subscribe(id, "counter", args={"id": id})
            for n in (1, 2, 3):
                await asyncio.sleep(random.uniform(0, 0.1))
                await count(place.store, id, n)
            await live.until_shown(id, lambda data: data == 3, within=5)

        async def connect(ids: range) -> None:
            async with witness(place.server.address) as live:
                async with asyncio.TaskGroup() as each:
                    for id in ids:
                        each.create_task(subscribe(live, id))
                assert live.monotonic()

        async with asyncio.TaskGroup() as group:
            for start in range(0, wanted, PER_CONNECTION):
                group.create_task(connect(range(start, min(start + PER_CONNECTION, wanted))))


async def test_i05_whatever_is_written_after_the_first_answer_is_told(
    data: tuple[Store, Settings],
) -> None:
    limits = SHORT.model_copy(update={"frames_burst": 100_000})
    async with (
        site(*data, queries={"counter": counter}, limits=limits) as place,
        witness(place.server.address) as live,
    ):
        for id in range(longer(150)):
            await live.subscribe(id, "counter", args={"id": 10_000 + id})
            before = await live.until_shown(id, within=5)
            await count(place.store, 10_000 + id, before + 1)
            await live.until_shown(id, lambda data, n=before + 1: data == n, within=5)  # type: ignore[misc]
            await live.send(op="unsubscribe", id=id)


# I9, I10


@pytest.fixture(scope="module")
async def short_memory(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    async with forgetful(tmp_path_factory.mktemp("forgetful")) as running:
        yield running


async def forget(store: Store) -> None:
    """Write until MongoDB has forgotten all that was there before."""
    oplog = store.client.local["oplog.rs"]
    newest = (await oplog.find_one(sort=[("$natural", -1)]))["ts"]
    async with asyncio.timeout(40):
        while (await oplog.find_one(sort=[("$natural", 1)]))["ts"] <= newest:
            await store._collection("noise").insert_many([{"x": "x" * 500_000} for _ in range(8)])
    await store._collection("noise").drop()


async def test_i09_lost_history_costs_a_reload_and_no_restart(
    short_memory: ReplicaSet, tmp_path: Path
) -> None:
    """The server stands still while MongoDB forgets what it has not seen."""
    name, uri = "forgotten", short_memory.uri
    async with (
        Store.open(uri, database=name) as store,
        serve(tmp_path / "data", mongodb_uri=uri, database=name, secret=SECRET) as served,
    ):
        settings = load_settings(mongodb_uri=uri, database=name, secret=SECRET)
        people = [await add_person(store, settings, f"P{n}") for n in range(5)]
        known = [("Sessionwire-Version", format_version(await store.ping()))]
        async with contextlib.AsyncExitStack() as stack:
            lives = [
                await stack.enter_async_context(
                    witness(served.address, "user", "session", cookie=person.cookie, headers=known)
                )
                for person in people
            ]
            for live in lives:
                await live.until_shown(1)
            os.kill(served.process.pid, signal.SIGSTOP)
            for number, person in enumerate(people):
                await rename(store, person, f"missed {number}")
            await forget(store)
            os.kill(served.process.pid, signal.SIGCONT)
            for number, live in enumerate(lives):
                await live.until_shown(
                    0,
                    lambda data, n=number: data["name"] == f"missed {n}",  # type: ignore[misc]
                    within=8,
                )
                assert live.bye is None and live.monotonic()
        _took_it_calmly(served)


def _took_it_calmly(served: Served) -> None:
    assert served.process.poll() is None
    assert "Traceback" not in served.printed
    assert 1 <= served.printed.count("opening it again") <= 4
    assert served.printed.count("\n") < 40


async def test_i10_a_quiet_stream_goes_on_after_its_history_is_gone(
    short_memory: ReplicaSet,
) -> None:
    """The token moves although nothing is told."""
    async with (
        Store.open(short_memory.uri, database="quiet") as store,
        following(store, "quiet") as follower,
    ):
        async with store.writing() as writing:
            await writing.insert_one("quiet", {"_id": 1})
            await follower.until_reached(writing.version)
        await forget(store)
        async with store.writing() as writing:
            await writing.insert_one("noise", {"_id": 1})
            await follower.until_reached(writing.version)
        async with failing(store.client.admin, "getMore", times=1, closeConnection=True):
            await follower.until(lambda: len(follower.openings) > 1)
        async with store.writing() as writing:
            await writing.insert_one("quiet", {"_id": 2})
            await follower.until_reached(writing.version)
        assert [opened.resumed for opened in follower.openings] == [False, True]


# I11


WEIRD: list[Any] = [
    None, 7, -1.5, True, "", "x" * 3_000, [], ["a", 1], {}, {"a": {"b": [1]}}, {"$odd": 1},
    Binary(b"too short", 4), Binary(b"x"), Code("x"), Decimal128("1.5"), Int64(2**62), MinKey(),
    MaxKey(), Regex("x"), Timestamp(1, 1), datetime(1, 1, 1, tzinfo=UTC), float("nan"), "\x00",
]  # fmt: skip
FIELDS = {
    "user": ["name", "email", "image", "banned", "createdAt", "activeOrganizationId", "role"],
    "session": ["userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent"],
    "member": ["userId", "organizationId", "role", "createdAt"],
    "organization": ["name", "slug", "logo", "createdAt", "metadata"],
}


async def _documents(place: Site, person: Person, organization: Any) -> dict[str, Any]:
    """One document of each collection that the victim is shown."""
    member = await place.store.find_one("member", {"userId": person.id})
    assert member is not None
    ids = [person.id, person.session_id, member["_id"], organization]
    return dict(zip(FIELDS, ids, strict=True))


@pytest.mark.parametrize("collection", FIELDS)
async def test_i11_a_document_that_holds_anything_anywhere_stops_nobody(
    place: Site, collection: str
) -> None:
    victim, other = await place.person("Victim"), await place.person("Other")
    organization = await add_organization(place.store, "O", {victim.id: "owner"})
    pointer = {"$set": {"activeOrganizationId": str(organization)}}
    async with place.store.writing() as writing:
        await writing.update_one("user", {"_id": victim.id}, pointer)
    id = (await _documents(place, victim, organization))[collection]
    raw = place.store._collection(collection)
    before = await raw.find_one({"_id": id})
    queries = ("session", "user", "organizations", "organization", "devices")
    async with witness(place.server.address, "user", cookie=other.cookie) as bystander:
        for number, field in enumerate(FIELDS[collection]):
            async with witness(place.server.address, *queries, cookie=victim.cookie) as live:
                await live.until_shown(4)
                for value in WEIRD:
                    with contextlib.suppress(Exception):  # an index may refuse it
                        await raw.update_one({"_id": id}, {"$set": {field: value}})
                await rename(place.store, other, f"n{number}")
                wanted = f"n{number}"
                await bystander.until_shown(0, lambda data, wanted=wanted: data["name"] == wanted)  # type: ignore[misc]
                await raw.replace_one({"_id": id}, before)
        async with witness(place.server.address, *queries, cookie=victim.cookie) as again:
            shown = await again.until_shown(0, lambda data: data is not None)
            assert shown["user"]["name"] == "Victim"
            assert shown["organization"]["name"] == "O" and shown["role"] == "owner"
            assert (await again.until_shown(3))["members"][0]["user"]["name"] == "Victim"
        assert bystander.bye is None and bystander.monotonic()


async def test_i11_an_event_too_large_to_be_told_is_passed_and_what_it_changed_is_read(
    place: Site,
) -> None:
    """Larger than 16 MB, because the update and the key count twice."""
    alice = await place.person()
    async with witness(place.server.address, "user", cookie=alice.cookie) as live:
        await live.until_shown(0)
        epoch = place.server.wire.relay.hub.replica.epoch
        raw = place.store._collection("user")
        large = {"_id": "y" * 2_000_000, "large": "x" * 9_500_000}
        async with (
            place.store.client.start_session() as session,
            await session.start_transaction(),
        ):
            await raw.insert_one(large, session=session)
            change = {"$set": {"name": "Ada"}}
            await raw.update_one({"_id": alice.id}, change, session=session)
        await live.until_shown(0, lambda data: data["name"] == "Ada", within=5)
        assert place.server.wire.relay.hub.replica.epoch > epoch, "it was no fault after all"
        await rename(place.store, alice, "Ada Lovelace")
        await live.until_shown(0, lambda data: data["name"] == "Ada Lovelace", within=5)
        assert live.bye is None and live.monotonic()
        await raw.delete_one({"_id": large["_id"]})


# I12


async def test_i12_what_is_dropped_is_shown_as_gone_and_what_is_made_anew_is_shown(
    place: Site,
) -> None:
    alice = await place.person()
    organization = await add_organization(place.store, "O", {alice.id: "owner"})
    pointer = {"$set": {"activeOrganizationId": str(organization)}}
    async with place.store.writing() as writing:
        await writing.update_one("user", {"_id": alice.id}, pointer)
    raw = place.store._collection
    kept = {name: await raw(name).find().to_list(None) for name in FIELDS}
    async with witness(
        place.server.address, "session", "organizations", cookie=alice.cookie
    ) as live:
        await live.until_shown(0, lambda data: data["organization"] is not None)
        for name in ("organization", "member"):
            await raw(name).drop()
            await live.until_shown(0, lambda data: data["organization"] is None, within=5)
            await live.until_shown(1, lambda data: data == [], within=5)
            await raw(name).insert_many(kept[name])
            await live.until_shown(0, lambda data: data["organization"] is not None, within=5)
            await live.until_shown(1, lambda data: len(data) == 1, within=5)
        await raw("aside").insert_one({"x": 1})
        await raw("aside").rename("member", dropTarget=True)
        await live.until_shown(1, lambda data: data == [], within=5)
        await raw("member").drop()
        await raw("member").insert_many(kept["member"])
        await live.until_shown(1, lambda data: len(data) == 1, within=5)
        assert live.bye is None and live.monotonic()
        await place.store.client.drop_database(place.settings.database)
        await live.until_ended(within=5)
        assert live.bye in ("revoked", "deleted") and live.close_code == 4401
    async with witness(place.server.address, "session", cookie=alice.cookie) as gone:
        assert await gone.until_shown(0) is None
    for name in kept:
        await raw(name).insert_many(kept[name])
    async with witness(place.server.address, "session", cookie=alice.cookie) as back:
        await back.until_shown(0, lambda data: data is not None, within=5)
