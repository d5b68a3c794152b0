"""Three nodes that lose each other: no phantom is shown, and nothing is lost (I3, I26)."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from pymongo.write_concern import WriteConcern

from chaos.cluster import clustered, insist, name_over_http, writing_things
from chaos.seeds import longer
from chaos.witness import witness
from support.people import add_person
from support.process import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chaos.replica_set import ReplicaSet
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

PHANTOM = "phantom that is rolled back"


@pytest.fixture
async def cluster(trio: ReplicaSet) -> AsyncIterator[tuple[Store, Settings, Running]]:
    """A server that knows all three nodes; they are whole again at the end."""
    async with clustered(trio) as opened:
        yield opened


async def test_i03_what_is_rolled_back_was_never_shown(
    trio: ReplicaSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """The primary takes a write that nobody else has, and is deposed before they have it."""
    store, settings, server = cluster
    alice = await add_person(store, settings, "Alice")
    bob = await add_person(store, settings, "Bob")
    await server.wire.relay.until(await store.ping())
    old = await trio.primary()
    others = await trio.others()
    said: list[str] = []
    async with witness(server.address, "user", "session", cookie=alice.cookie) as live:
        await live.until_shown(1)
        async with trio.not_replicating(others), old.client() as direct:
            users = direct[settings.database].get_collection("user", write_concern=WriteConcern(1))
            for person in (alice, bob):  # bob's has never been read
                await users.update_one({"_id": person.id}, {"$set": {"name": PHANTOM}})
            said += [await name_over_http(server, each) for each in (alice, bob, alice, bob)]
            old.stop()
        await trio.primary()
        await insist(store, alice, "Ada")
        old.go_on()
        await trio.heal()
        frames = list(live.frames)
        assert live.monotonic()
    async with witness(server.address, "user", cookie=alice.cookie) as again:
        await again.until_shown(0, lambda data: data["name"] == "Ada", within=5)
        frames += again.frames
    async with witness(server.address, "user", cookie=bob.cookie) as other:
        await other.until_shown(0, lambda data: data["name"] == "Bob", within=5)
        frames += other.frames
    assert PHANTOM not in str(frames) and PHANTOM not in said
    found = await store.find_one("user", {"_id": bob.id})
    assert found is not None and found["name"] == "Bob", "it was not rolled back after all"


async def test_i26_elections_lose_nothing_and_repeat_nothing(
    trio: ReplicaSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """Each write adds one document: whichever was acknowledged is shown, and none disappears."""
    store, _, server = cluster
    async with witness(server.address, "things") as live:
        await live.until_shown(0)
        async with writing_things(store) as acknowledged:
            for _ in range(longer(2)):
                before = len(acknowledged)
                await trio.step_down()
                async with asyncio.timeout(30):
                    while len(acknowledged) < before + 20:  # noqa: ASYNC110 (no event)
                        await asyncio.sleep(0.01)
        await live.until_shown(0, lambda data: set(data) >= set(acknowledged), within=5)
        shown = [set(each["data"]) for frame in live.updates for each in frame["results"]]
        assert all(before < after for before, after in pairwise(shown))
        assert len(shown) > 20 and live.bye is None and live.monotonic()


async def test_i26_what_is_written_while_the_stream_is_away_is_told_by_resuming(
    trio: ReplicaSet, cluster: tuple[Store, Settings, Running]
) -> None:
    """The stream stays away for an election and twenty writes more, and loads nothing anew."""
    store, _, server = cluster
    relay = server.wire.relay
    async with witness(server.address, "things") as live, writing_things(store) as acknowledged:
        await live.until_shown(0, bool)
        restarts = relay.hub.restarts
        for _ in range(longer(2)):
            losses = relay.losses
            async with trio.hanging_up("sessionwire-stream", "aggregate", "getMore"):
                await eventually(lambda losses=losses: relay.losses > losses)  # type: ignore[misc]
                await trio.step_down()
                await trio.primary()
                before = len(acknowledged)
                await eventually(
                    lambda before=before: len(acknowledged) >= before + 20,  # type: ignore[misc]
                    within=30,
                )
                written = set(acknowledged)
                assert len(written - set(live.shows[0])) >= 20, "the stream was there"
            await live.until_shown(0, lambda data, all=written: set(data) >= all, within=5)  # type: ignore[misc]
        assert relay.hub.restarts == restarts, "it was loaded anew"
        assert live.bye is None and live.monotonic()
