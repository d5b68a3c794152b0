"""Nobody is told what is another's, two moments at once, or less than they wrote (I14–I16)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import httpx
from pymongo import AsyncMongoClient

from chaos.population import Member, Population, crossed
from chaos.seeds import dice, longer
from chaos.site import Site, site
from chaos.witness import witness
from sessionwire.policy.limits import Limits
from support.following import failing
from support.people import add_organization

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

QUERIES = ("session", "user", "organizations", "organization", "devices")


async def test_i14_no_canary_of_two_hundred_users_ever_crosses(
    mongo: EmbeddedMongo, data: tuple[Store, Settings]
) -> None:
    """On connections that are used again by others, while people move, and sessions end."""
    throw = dice()
    store, settings = data
    seen = 0

    async def visit(place: Site, people: Population, http: httpx.AsyncClient) -> None:
        nonlocal seen
        for _ in range(longer(3)):
            member = throw.choice(people.members)
            async with witness(place.server.address, *QUERIES, cookie=member.cookie) as live:
                await live.until(lambda live=live: len(live.shows) == 5 or live.ended_at > 0)  # type: ignore[misc]
                for path in ("get-session", "list-sessions", "organization/list"):
                    answer = await http.get(f"/api/auth/{path}", headers={"cookie": member.cookie})
                    assert not crossed(answer.text, member, alone=path != "organization/list")
                await asyncio.sleep(throw.uniform(0, 0.2))
                seen += _judged(live.frames, member)

    async with (
        AsyncMongoClient[dict[str, Any]](mongo.uri) as client,
        site(store, settings, limits=Limits()) as place,
        place.server.http() as http,
    ):
        people = Population(client, settings, random.Random(throw.random()))
        await people.settle()
        async with asyncio.TaskGroup() as group:
            visits = [group.create_task(visit(place, people, http)) for _ in range(12)]
            while not all(each.done() for each in visits):
                await people.write()
    assert seen > 12 * 3 * 3


def _judged(frames: list[dict[str, Any]], member: Member) -> int:
    """How many results there were; none of them held a stranger's canary."""
    count = 0
    for frame in frames:
        assert not crossed(str(frame), member, alone=False), frame
        for result in frame.get("results", []):
            alone = QUERIES[result["id"]] != "organization"
            assert not crossed(str(result), member, alone=alone), result
            count += 1
    return count


async def test_i15_user_organization_and_role_are_of_one_moment_while_the_stream_breaks(
    place: Site, admin: Any
) -> None:
    """Each transaction leaves one organization for another, with another role."""
    alice = await place.person()
    roles = {"O0": "owner", "O1": "admin", "O2": "member"}
    ids = [await add_organization(place.store, name, {}) for name in roles]
    store = place.store

    async def move(number: int) -> None:
        async with store.writing() as writing:

            async def work() -> None:
                await writing.delete_many("member", {"userId": alice.id})
                id = ids[number % 3]
                await writing.insert_one(
                    "member",
                    {
                        "userId": alice.id,
                        "organizationId": id,
                        "role": list(roles.values())[number % 3],
                    },
                )
                pointer = {"$set": {"activeOrganizationId": str(id)}}
                await writing.update_one("user", {"_id": alice.id}, pointer)

            await writing.atomically("lock", 1, work)

    await move(0)
    async with witness(
        place.server.address, "session", "organizations", "organization", cookie=alice.cookie
    ) as live:
        await live.until_shown(2)
        deadline, number = time.monotonic() + 30, 0
        while number < longer(60) or (
            len(live.updates) <= 20 and time.monotonic() < deadline  # some are coalesced
        ):
            number += 1
            await move(number)
            if number % 10 == 0:
                async with failing(admin, "getMore", times=1, closeConnection=True):
                    await move(number + 1)
        await live.until_shown(0, lambda data: data is not None)
        shown: dict[int, Any] = {}
        for frame in live.updates:
            shown |= {result["id"]: result["data"] for result in frame["results"]}
            if len(shown) == 3:
                name = shown[0]["organization"]["name"]
                assert shown[0]["role"] == roles[name]
                assert [each["name"] for each in shown[1]] == [name]
                assert shown[2]["name"] == name and shown[2]["role"] == roles[name]
        assert len(live.updates) > 20 and live.bye is None


async def test_i16_what_was_written_is_read_through_whichever_process(
    two: tuple[Site, Site],
) -> None:
    one, other = two
    throw = dice()
    http = await one.server.sign_up("Writer")
    cookies = http.cookies
    other.link.down.delay = 0.05
    for number in range(longer(15)):
        written = await http.post("/api/auth/update-user", json={"name": f"n{number}"})
        assert written.status_code == 200
        version = written.headers["sessionwire-version"]
        reader = throw.choice([one, other])
        async with reader.server.http(cookies=cookies) as reading:
            answer = await reading.get(
                "/api/auth/get-session", headers={"sessionwire-version": version}
            )
        assert answer.status_code == 200 and answer.json()["user"]["name"] == f"n{number}"


async def test_i16_a_process_that_stands_still_for_two_seconds_says_so_and_never_lies(
    two: tuple[Site, Site],
) -> None:
    one, other = two
    http = await one.server.sign_up("Pauser")
    async with other.server.http(cookies=http.cookies) as elsewhere:
        assert (await elsewhere.get("/api/auth/get-session")).status_code == 200
        other.link.down.hold()
        written = await http.post("/api/auth/update-user", json={"name": "Late"})
        elsewhere.cookies.update(http.cookies)
        headers = {"sessionwire-version": written.headers["sessionwire-version"]}
        answers: list[httpx.Response] = []
        reading = asyncio.create_task(_until_answered(elsewhere, headers, answers))
        await asyncio.sleep(2)
        other.link.down.release()
        await reading
    assert answers[-1].json()["user"]["name"] == "Late"
    assert {each.status_code for each in answers[:-1]} <= {503}


async def _until_answered(
    http: httpx.AsyncClient, headers: dict[str, str], answers: list[httpx.Response]
) -> None:
    async with asyncio.timeout(15):
        while not answers or answers[-1].status_code != 200:
            with contextlib.suppress(httpx.TransportError):
                answers.append(await http.get("/api/auth/get-session", headers=headers))
