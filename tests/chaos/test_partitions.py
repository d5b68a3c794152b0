"""Members that are cut off from each other one by one, while clients reach all of them."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from chaos.cluster import clustered, insist, name_over_http, writing_things
from chaos.partition import PartedSet, parted
from chaos.seeds import dice, longer
from chaos.witness import witness
from sessionwire.policy.limits import Limits
from support.people import add_person
from support.process import eventually

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator

    from chaos.proxy import Proxy
    from chaos.replica_set import Node
    from chaos.witness import Witness
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

PHANTOM = "phantom of one that was alone"
SHOWN_WITHIN = 5.0
ELECTION = 3.0
"""Seconds in which whoever misses the primary has called an election."""


@pytest.fixture(scope="module")
async def members(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PartedSet]:
    """Three of them; whoever cuts a link heals it."""
    async with parted(tmp_path_factory.mktemp("parted")) as running:
        yield running


@pytest.fixture
async def cluster(members: PartedSet) -> AsyncIterator[tuple[Store, Settings, Running]]:
    """A server that reaches all of them; they are whole again at the end."""
    async with clustered(members, Limits()) as opened:
        yield opened


async def is_secondary(node: Node) -> bool:
    async with node.client() as client:
        return bool((await client.admin.command("hello"))["secondary"])


async def shows_what_is_written_now(live: Witness, acknowledged: list[int]) -> None:
    """Everything that was acknowledged, and some more that is written from now on."""
    before = len(acknowledged)
    await eventually(lambda: len(acknowledged) >= before + 5, within=30)
    written = set(acknowledged)
    await live.until_shown(0, lambda data: set(data) >= written, within=SHOWN_WITHIN)


def passed(link: Proxy) -> int:
    return link.up.passed + link.down.passed


def only_adds(live: Witness) -> bool:
    """Whether nothing that its first subscription showed has disappeared again."""
    shown = [set(each["data"]) for frame in live.updates for each in frame["results"]]
    return all(before <= after for before, after in pairwise(shown))


async def test_a_link_that_is_cut_is_silent_and_every_other_one_speaks(members: PartedSet) -> None:
    """Heartbeats go in both directions of each link, by connections of either member."""
    one, other = await members.others()
    cut = {members.link(one, other), members.link(other, one)}
    open = {members.link(*pair) for pair in permutations(members.nodes, 2)} - cut
    members.part(one, other)
    try:
        await asyncio.sleep(0.5)  # what was being written has been
        before = {link: passed(link) for link in cut | open}
        await eventually(lambda: all(passed(link) > before[link] for link in open))
        for node in members.nodes:
            async with AsyncMongoClient[dict[str, Any]](
                node.host, directConnection=True, serverSelectionTimeoutMS=3_000
            ) as client:
                await client.admin.command("ping")
        assert all(passed(link) == before[link] for link in cut)
        members.join()
        await eventually(lambda: all(passed(link) > before[link] for link in cut))
    finally:
        await members.heal()


async def test_i26_a_primary_that_only_clients_reach_is_left_for_the_new_one(
    members: PartedSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """It answers the stream for as long as it is asked, and has nothing new to say."""
    store, settings, server = cluster
    alice = await add_person(store, settings, "Alice")
    await server.wire.relay.until(await store.ping())
    old, others = await members.primary(), await members.others()
    async with (
        witness(server.address, "user", "session", cookie=alice.cookie) as hers,
        witness(server.address, "things") as theirs,
        writing_things(store) as acknowledged,
    ):
        await hers.until_shown(1)
        await theirs.until_shown(0, bool)
        members.isolate(old)
        await members.primary(others)
        await insist(store, alice, "Ada")
        await hers.until_shown(0, lambda data: data["name"] == "Ada", within=SHOWN_WITHIN)
        await hers.until_shown(1, lambda data: data["user"]["name"] == "Ada", within=SHOWN_WITHIN)
        await shows_what_is_written_now(theirs, acknowledged)
        assert await is_secondary(old), "it was not cut off"
        assert members.link(None, old).links, "its clients had to leave it"
        for live in (hers, theirs):
            assert live.monotonic() and live.bye is None
        assert only_adds(theirs)


async def test_i03_what_only_a_cut_off_primary_took_was_never_shown(
    members: PartedSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """Until it notices that it is alone, it takes writes; they are rolled back when it is not."""
    store, settings, server = cluster
    alice = await add_person(store, settings, "Alice")
    bob = await add_person(store, settings, "Bob")
    await server.wire.relay.until(await store.ping())
    old, others = await members.primary(), await members.others()
    said: list[str] = []
    async with witness(server.address, "user", "session", cookie=alice.cookie) as live:
        await live.until_shown(1)
        async with old.client() as direct:
            users = direct[settings.database].get_collection("user", write_concern=WriteConcern(1))
            await users.find_one()
            members.isolate(old)
            for person in (alice, bob):  # bob's has never been read
                done = await users.update_one({"_id": person.id}, {"$set": {"name": PHANTOM}})
                assert done.modified_count
            said += [await name_over_http(server, each) for each in (alice, bob, alice, bob)]
            await members.primary(others)
            await insist(store, alice, "Ada")
            await live.until_shown(0, lambda data: data["name"] == "Ada", within=SHOWN_WITHIN)
            found = await users.find_one({"_id": bob.id})
            assert found is not None and found["name"] == PHANTOM, "it was never there"
        await members.heal()
        async with old.client() as direct:
            found = await direct[settings.database]["user"].find_one({"_id": bob.id})
            assert found is not None and found["name"] == "Bob", "it was not rolled back"
        await insist(store, alice, "Eve")
        await live.until_shown(0, lambda data: data["name"] == "Eve", within=SHOWN_WITHIN)
        assert live.monotonic() and live.bye is None
        version, frames = live.version, list(live.frames)
    async with witness(server.address, "user", cookie=bob.cookie, since=version) as other:
        await other.until_shown(0, lambda data: data["name"] == "Bob", within=SHOWN_WITHIN)
        assert other.version >= version
        frames += other.frames
    assert PHANTOM not in str(frames) and PHANTOM not in said


@pytest.mark.parametrize("far", ["the primary", "the other secondary"])
async def test_i26_a_secondary_that_misses_one_member_is_nobodys_concern(
    far: str, members: PartedSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """The third one reaches both: a majority goes on, if sometimes after an election."""
    store, _, server = cluster
    leader, (near, other) = await members.primary(), await members.others()
    async with witness(server.address, "things") as live, writing_things(store) as acknowledged:
        await live.until_shown(0, bool)
        members.part(near, leader if far == "the primary" else other)
        await asyncio.sleep(ELECTION)
        await shows_what_is_written_now(live, acknowledged)
        members.join()
        await shows_what_is_written_now(live, acknowledged)
        assert only_adds(live) and live.monotonic() and live.bye is None


async def test_i26_links_that_come_and_go_cost_nobody_anything(
    members: PartedSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """In either direction or both, one or more at a time: now and then there is no majority."""
    store, settings, server = cluster
    alice = await add_person(store, settings, "Alice")
    await server.wire.relay.until(await store.ping())
    async with (
        witness(server.address, "user", cookie=alice.cookie) as hers,
        witness(server.address, "things") as theirs,
        writing_things(store) as acknowledged,
    ):
        await hers.until_shown(0)
        await flap(members, dice(), longer(8))
        await insist(store, alice, "Ada")
        await hers.until_shown(0, lambda data: data["name"] == "Ada", within=SHOWN_WITHIN)
        await shows_what_is_written_now(theirs, acknowledged)
        for live in (hers, theirs):
            assert live.monotonic() and live.bye is None
        assert only_adds(theirs)


async def flap(members: PartedSet, dice: random.Random, seconds: float) -> None:
    """Cut and join links for so long; all are joined at the end."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        cut = dice.choice([members.part, members.silence])
        cut(*dice.sample(members.nodes, 2))
        await asyncio.sleep(dice.uniform(0.05, 1.5))
        if dice.random() < 0.5:
            members.join()
    members.join()
