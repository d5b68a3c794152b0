"""The relay: what a read answers, and when, while others write."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

from sessionwire.errors import PeerError, QueryError, Unavailable
from sessionwire.model import ANONYMOUS, Version
from sessionwire.reactive.outbox import Outbox
from sessionwire.store.snapshot import evaluate_at
from support.relaying import QUICK, Rig, put, relaying, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessionwire.store.mongo import Store


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    async with relaying(store) as running:
        yield running


# Reading


async def test_a_write_is_read_by_who_waited_for_it(rig: Rig) -> None:
    async with rig.store.writing() as writing:
        for n in range(200):
            version = await put(writing, n=n)
            await rig.relay.until(version)
            reading = await rig.relay.read("number", ANONYMOUS)
            assert (reading.value, json.loads(reading.encoded)) == (n, n)
            assert reading.version >= version
            assert reading.changed_at == version


async def test_a_read_that_presents_a_version_is_of_that_version_or_later(rig: Rig) -> None:
    async with rig.store.writing() as writing:
        for n in range(50):
            version = await put(writing, n=n)
            reading = await rig.relay.read("number", ANONYMOUS, since=version)
            assert reading.value == n
            assert reading.version >= version


async def test_a_write_to_what_nobody_follows_is_waited_for_only_shortly(rig: Rig) -> None:
    async with rig.store.writing() as writing:
        for n in range(3):
            version = await put(writing, collection="elsewhere", n=n)
            began = time.monotonic()
            await rig.relay.until(version)
            assert time.monotonic() - began < 1


async def test_a_version_that_does_not_come_is_unavailable(store: Store) -> None:
    async with relaying(store, limits=QUICK) as rig:
        future = Version(await store.ping() + (60 << 32))
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await rig.relay.until(future)
        assert time.monotonic() - began < 0.8
        with pytest.raises(Unavailable):
            await rig.relay.read("number", ANONYMOUS, since=future)
        assert time.monotonic() - began < 2.5
        await until(lambda: not rig.relay._waiting)


async def test_every_reading_is_what_the_database_held_at_its_version(rig: Rig) -> None:
    async def write(collection: str) -> None:
        async with rig.store.writing() as writing:
            for n in range(10_000):
                await put(writing, n % 5, collection, n=n, group="gh"[n % 3 == 0])

    queries = rig.hub.queries
    async with rig.store.writing() as writing:
        await put(writing, collection="a", n=0)
        await rig.relay.until(await put(writing, collection="b", n=0))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write(name)) for name in "ab"]
        for _ in range(60):
            reading = await rig.relay.read("total", ANONYMOUS)
            exact = await evaluate_at(
                rig.store, queries.named("total"), ANONYMOUS, {}, version=reading.version
            )
            assert exact.encoded == reading.encoded  # type: ignore[union-attr]
        for task in tasks:
            task.cancel()


async def test_what_is_held_is_read_without_the_database(rig: Rig) -> None:
    await rig.value("number")
    before = rig.loader.reads
    for _ in range(100):
        await rig.value("number")
    assert rig.loader.reads == before


async def test_a_crowd_of_reads_costs_few_loads(rig: Rig) -> None:
    await rig.store._collection("a").insert_many([{"_id": id, "n": id} for id in range(1_000)])
    before = rig.loader.reads
    values = await asyncio.gather(*(rig.value("number", id=id) for id in range(1_000)))
    assert values == list(range(1_000))
    assert rig.loader.reads - before <= 12


async def test_a_query_of_a_new_collection_makes_the_stream_follow_it(rig: Rig) -> None:
    assert await rig.value("elsewhere") == 0
    async with rig.store.writing() as writing:
        for id in range(20):
            version = await put(writing, id, "not followed yet", group="g")
            await rig.relay.until(version)
            assert await rig.value("elsewhere") == id + 1


async def test_refusals_and_failures_are_raised(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async with rig.store.writing() as writing:
        await rig.relay.until(await put(writing, n=0))
    with pytest.raises(PeerError) as caught:
        await rig.value("refused")
    assert (caught.value.code, caught.value.message) == ("FORBIDDEN", "Not for you.")
    with pytest.raises(QueryError):
        await rig.value("touchy")
    rig.relay.flush()
    assert "The query touchy failed" in caplog.text


async def test_a_reader_who_gives_up_leaves_nothing(rig: Rig) -> None:
    for turns in range(20):
        task = asyncio.create_task(rig.value("number", id=turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert await rig.value("number", id=5) is None
    assert not [watch for watch in rig.hub._watches.values() if watch.waiters]


async def test_the_frames_of_a_crowd_are_built_and_then_written(rig: Rig) -> None:
    """64 at a time: nobody waits for a whole crowd's frames, and writes come one after another."""
    done: list[str] = []

    def waking() -> Callable[[], None]:
        done.append("built")
        return lambda: done.append("written")

    for _ in range(100):
        rig.hub.attach(Outbox(ANONYMOUS, waking))
    rig.hub.set_live(live=False)
    rig.relay.flush()
    parts = [("built", 64), ("written", 64), ("built", 36), ("written", 36)]
    assert done == [what for what, count in parts for _ in range(count)]
