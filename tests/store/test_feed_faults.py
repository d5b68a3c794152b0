"""The change stream while MongoDB fails in every way that one machine allows: no gap, no loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from bson import Binary
from pymongo.errors import PyMongoError

from sessionwire.errors import Unavailable
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.feed import Advanced, Feed, Lost, Opened
from sessionwire.store.mongo import Store
from support.following import following, ids_of, stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import FailPoint
    from sessionwire.model import Version
    from support.following import Follower


@pytest.fixture(scope="module")
async def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedMongo]:
    """A mongod that the tests here may stop, kill and depose."""
    async with EmbeddedMongo(tmp_path_factory.mktemp("own")) as running:
        yield running


@pytest.fixture
async def own(own_mongo: EmbeddedMongo, driver: Any) -> AsyncIterator[Store]:
    async with Store.open(own_mongo.uri, database=f"own_{driver}", driver=driver) as opened:
        yield opened


class Writer:
    """Writes without end, and remembers the version of everything that was acknowledged."""

    def __init__(self, store: Store) -> None:
        self.log: list[Version] = []
        self._store = store

    async def write(self) -> None:
        number = 0
        while True:
            number += 1
            with contextlib.suppress(Unavailable):
                async with self._store.writing() as writing:
                    await writing.update_one("a", {"_id": 1}, {"$set": {"n": number}}, upsert=True)
                    self.log.append(writing.version)


@contextlib.asynccontextmanager
async def writing_all_the_time(store: Store, follower: Follower) -> AsyncIterator[Writer]:
    """Afterwards every acknowledged write has been told once, in order, and nothing was reset."""
    writer = Writer(store)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.write())
        await _grow(writer, 5)
        yield writer
        await _grow(writer, 5)
        task.cancel()
    await follower.until_reached(writer.log[-1], within=20)
    missed = [version for version in writer.log if version not in follower.seen]
    assert not missed
    assert [opened.resumed for opened in follower.openings[1:]] == [True] * (
        len(follower.openings) - 1
    )


async def _grow(writer: Writer, count: int, *, within: float = 20) -> None:
    goal = len(writer.log) + count
    async with asyncio.timeout(within):
        while len(writer.log) < goal:  # noqa: ASYNC110 (the writer sets no event)
            await asyncio.sleep(0.01)


# Broken cursors and connections


@pytest.mark.parametrize(
    "how",
    [
        {"closeConnection": True},
        {"errorCode": 91},
        {"errorCode": 10107},
        {"errorCode": 43},
        {"errorCode": 237, "errorLabels": ["ResumableChangeStreamError"]},
    ],
)
async def test_a_stream_that_breaks_goes_on_without_a_gap(
    either: Store, fail_point: FailPoint, how: dict[str, Any]
) -> None:
    async with following(either, "a") as follower, writing_all_the_time(either, follower) as writer:
        for _ in range(3):
            lost = len(follower.losses)
            async with fail_point("getMore", times=1, **how):
                await follower.until(lambda lost=lost: len(follower.losses) > lost)  # type: ignore[misc]
                await _grow(writer, 3)


async def test_a_stream_that_cannot_be_opened_is_tried_again(
    either: Store, fail_point: FailPoint
) -> None:
    async with following(either, "a") as follower, writing_all_the_time(either, follower):
        async with fail_point("aggregate", times=2, errorCode=91):
            async with fail_point_of(either, follower):
                await follower.until(lambda: len(follower.losses) >= 3)


@contextlib.asynccontextmanager
async def fail_point_of(store: Store, follower: Follower) -> AsyncIterator[None]:
    await kill_cursors(store)
    yield
    await follower.until(lambda: isinstance(follower.items[-1], Advanced))


async def kill_cursors(store: Store) -> int:
    """End the feed's cursor on the server; how many there were."""
    current = {"$currentOp": {"idleCursors": True, "allUsers": True}}
    namespace = f"{store.raw.name}.$cmd.aggregate"
    found = set()
    async for operation in store.client.admin.aggregate([current]):
        cursor = operation.get("cursor", {}).get("cursorId")
        if operation.get("ns") == namespace and cursor is not None:
            found.add(cursor)
    if found:
        kill = {"killCursors": "$cmd.aggregate", "cursors": sorted(found)}
        await store.client[store.raw.name].command(kill)
    return len(found)


async def test_a_killed_cursor_is_opened_again_without_a_gap(store: Store) -> None:
    async with following(store, "a") as follower, writing_all_the_time(store, follower) as writer:
        for _ in range(5):
            lost = len(follower.losses)
            async with asyncio.timeout(10):
                while len(follower.losses) == lost:
                    await kill_cursors(store)
                    await _grow(writer, 1)
    assert len(follower.openings) > 5


async def test_a_killed_cursor_of_a_quiet_stream_is_no_gap(store: Store) -> None:
    async with following(store, "a") as follower:
        for _ in range(3):
            lost = len(follower.losses)
            async with asyncio.timeout(10):
                while len(follower.losses) == lost:
                    await kill_cursors(store)
                    await asyncio.sleep(0.01)
            opened = len(follower.openings)
            await follower.until(lambda opened=opened: len(follower.openings) > opened)  # type: ignore[misc]
    assert all(opened.resumed for opened in follower.openings[1:])


async def test_a_transaction_is_whole_although_the_stream_breaks_inside(
    store: Store, fail_point: FailPoint
) -> None:
    """Its first part is known when the cursor ends: it is read again from before the part."""
    await store._collection("a").insert_one({"_id": "there"})
    async with contextlib.aclosing(Feed(store, ["a"]).items()) as items:
        assert isinstance(await anext(items), Opened)
        async with store.writing() as writing:
            await writing.insert_one("a", {"_id": "before"})

            async def work() -> None:
                for id in range(6):
                    await writing.insert_one("a", {"_id": id, "large": "x" * 5_000_000})

            await writing.atomically("lock", 1, work)
        told: list[Any] = []
        async for item in items:
            if isinstance(item, Advanced):
                told += [ids_of([*group.changes]) for group in item.groups]
            if told == [["before"]]:
                break
        async with fail_point("getMore", times=1, closeConnection=True):
            async for item in items:
                assert not isinstance(item, Opened) or item.resumed
                if isinstance(item, Advanced):
                    told += [ids_of([*group.changes]) for group in item.groups]
                if len(told) > 1:
                    break
    assert told == [["before"], [0, 1, 2, 3, 4, 5]]


# What cannot be told


async def test_an_error_that_comes_back_makes_the_stream_begin_anew(
    either: Store, fail_point: FailPoint
) -> None:
    async with following(either, "a") as follower:
        async with fail_point("getMore", times=2, errorCode=8000):
            await follower.until(lambda: len(follower.openings) >= 3)
        async with either.writing() as writing:
            await writing.insert_one("a", {"_id": 1})
            await follower.until_reached(writing.version)
    assert [opened.resumed for opened in follower.openings[1:3]] == [True, False]
    assert ids_of(follower.changes) == [1]


async def test_an_event_too_large_to_be_sent_makes_the_stream_begin_anew(either: Store) -> None:
    nine = {"large": Binary(os.urandom(8_300_000)), "more": "x" * 8_300_000}
    await either._collection("a").insert_one({"_id": "y" * 600_000})
    async with following(either, "a") as follower, either.writing() as writing:
        with contextlib.suppress(Unavailable):
            await writing.update_one("a", {"_id": "y" * 600_000}, {"$set": nine})
        with contextlib.suppress(Unavailable, PyMongoError):
            await writing.update_one("a", {}, [{"$set": {"more": "$$ROOT.large"}}])
        await writing.insert_one("a", {"_id": 2})
        await follower.until_reached(writing.version)
    assert follower.openings


async def test_an_event_that_cannot_be_decoded_makes_the_stream_begin_anew(either: Store) -> None:
    async with following(either, "a") as follower, either.writing() as writing:
        await writing.insert_one("a", {"_id": 1, "uuid": Binary(b"too short", 4)})
        await follower.until(lambda: len(follower.openings) > 1)
        await writing.insert_one("a", {"_id": 2})
        await follower.until_reached(writing.version)
    assert [opened.resumed for opened in follower.openings] == [False, False]
    assert len(follower.losses) == 1
    assert ids_of(follower.changes)[-1] == 2


async def test_a_stream_whose_history_is_gone_begins_anew_without_a_loop(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    arguments = ["--oplogSize", "2", "--syncdelay", "1"]
    directory = tmp_path_factory.mktemp("forgetful")
    async with (
        EmbeddedMongo(directory, extra_arguments=arguments) as mongo,
        Store.open(mongo.uri, database="app") as store,
        contextlib.aclosing(Feed(store, ["a"]).items()) as items,
    ):
        assert isinstance(await anext(items), Opened)
        began = (await _oldest(store), time.monotonic())
        async with asyncio.timeout(30):
            while await _oldest(store) <= began[0]:
                await store._collection("b").insert_many([{"x": "x" * 500_000} for _ in range(8)])
        said = []
        async for item in items:
            said.append(item)
            if isinstance(item, Opened) and not item.resumed:
                break
        async with store.writing() as writing:
            await writing.insert_one("a", {"_id": 1})
        told: list[Any] = []
        async for item in items:
            said.append(item)
            if isinstance(item, Advanced) and item.groups:
                told = [change for group in item.groups for change in group.changes]
                break
    assert sum(isinstance(item, Lost) for item in said) <= 2
    assert ids_of(told) == [1]


async def _oldest(store: Store) -> Any:
    oplog = store.client.local["oplog.rs"]
    return (await oplog.find_one(sort=[("$natural", 1)]))["ts"]


# The server


async def test_an_election_loses_nothing(own: Store) -> None:
    async with following(own, "a") as follower, writing_all_the_time(own, follower) as writer:
        for _ in range(2):
            with contextlib.suppress(PyMongoError):
                await own.client.admin.command(
                    {"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": True}
                )
            await _grow(writer, 3)


async def test_a_killed_mongod_loses_nothing(own: Store, own_mongo: EmbeddedMongo) -> None:
    async with following(own, "a") as follower, writing_all_the_time(own, follower) as writer:
        os.kill(own_mongo.pid, signal.SIGKILL)
        await follower.until(lambda: bool(follower.losses))
        await _grow(writer, 3, within=30)


async def test_a_mongod_that_stands_still_for_a_while_loses_nothing(
    own: Store, own_mongo: EmbeddedMongo
) -> None:
    async with following(own, "a") as follower, writing_all_the_time(own, follower) as writer:
        with stopped(own_mongo.pid):
            await asyncio.sleep(4)
        await _grow(writer, 3)


async def test_a_mongod_that_stands_still_for_long_loses_nothing(
    own: Store, own_mongo: EmbeddedMongo
) -> None:
    async with following(own, "a") as follower, writing_all_the_time(own, follower) as writer:
        began = time.monotonic()
        with stopped(own_mongo.pid):
            await follower.until(lambda: bool(follower.losses))
        await _grow(writer, 3, within=15)
        assert time.monotonic() - began < 20
