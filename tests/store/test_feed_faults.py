"""The change stream while MongoDB fails in every way that one machine allows: no gap, no loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from bson import Binary
from pymongo.errors import AutoReconnect, PyMongoError

from sessionwire.errors import Unavailable
from sessionwire.reactive.change import Change, Put, Update
from sessionwire.store.binary import find_mongod
from sessionwire.store.cursor import Cursor
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.feed import Advanced, Feed, Lost, Opened
from sessionwire.store.mongo import Store
from sessionwire.store.mongod import HOST, SET_NAME, Mongod, accepts, command_line, free_port
from sessionwire.store.replica_set import become_primary
from sessionwire.store.times import time_of
from support.following import failing, following, ids_of, stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessionwire.model import Version
    from support.following import Follower


pytestmark = [
    pytest.mark.usefixtures("outage"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
async def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedMongo]:
    """A mongod that the tests here may stop, kill and depose."""
    async with EmbeddedMongo(tmp_path_factory.mktemp("own")) as running:
        yield running


@pytest.fixture
async def own(own_mongo: EmbeddedMongo, driver: Any) -> AsyncIterator[Store]:
    async with Store.open(own_mongo.uri, database=f"own_{token_hex(4)}", driver=driver) as opened:
        yield opened


class Writer:
    """Writes without end, and remembers the version of everything that was acknowledged."""

    def __init__(self, store: Store) -> None:
        self.log: dict[int, Version] = {}
        self._store = store

    async def write(self) -> None:
        number = 0
        while True:
            number += 1
            with contextlib.suppress(Unavailable):
                async with self._store.writing() as writing:
                    await writing.update_one("a", {"_id": 1}, {"$set": {"n": number}}, upsert=True)
                    self.log[number] = writing.version


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
    await follower.until_reached(max(writer.log.values()), within=20)
    told = {_number(*group.changes): version for version, group in follower.seen.items()}
    late = {n: version for n, version in writer.log.items() if told.get(n, version + 1) > version}
    assert not late, "a write was not told, or only at a version after the one it was given"
    assert list(told) == sorted(told)
    assert [opened.resumed for opened in follower.openings[1:]] == [True] * (
        len(follower.openings) - 1
    )


def _number(change: Change) -> int:
    match change:
        case Put(_, document):
            return int(document["n"])
        case Update(_, updated):
            return int(updated["n"])
        case _:
            raise AssertionError(change)


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
        {"errorCode": 262, "errorLabels": ["ResumableChangeStreamError"]},
        {"errorCode": 43},
        {"errorCode": 237, "errorLabels": ["ResumableChangeStreamError"]},
    ],
)
async def test_a_stream_that_breaks_goes_on_without_a_gap(
    either: Store, admin: Any, how: dict[str, Any]
) -> None:
    async with following(either, "a") as follower, writing_all_the_time(either, follower) as writer:
        for _ in range(3):
            lost = len(follower.losses)
            async with failing(admin, "getMore", times=1, **how):
                await follower.until(lambda lost=lost: len(follower.losses) > lost)  # type: ignore[misc]
                await _grow(writer, 3)


async def test_a_stream_that_cannot_be_opened_is_tried_again(either: Store, admin: Any) -> None:
    async with following(either, "a") as follower, writing_all_the_time(either, follower):
        async with failing(admin, "aggregate", times=2, closeConnection=True):
            async with asyncio.timeout(10):
                while len(follower.losses) < 3:
                    await kill_cursors(admin, either.raw.name)
                    await asyncio.sleep(0.01)


async def kill_cursors(admin: Any, database: str) -> None:
    """End the feed's cursor on the server."""
    current = {"$currentOp": {"idleCursors": True, "allUsers": True}}
    found = set()
    async for operation in await admin.aggregate([current]):
        if operation.get("ns") in (f"{database}.$cmd", f"{database}.$cmd.aggregate"):
            found.add(operation.get("cursor", {}).get("cursorId"))
    found.discard(None)
    if found:
        kill = {"killCursors": "$cmd.aggregate", "cursors": sorted(found)}
        await admin.client[database].command(kill)


async def test_a_killed_cursor_is_opened_again_without_a_gap(store: Store, admin: Any) -> None:
    async with following(store, "a") as follower, writing_all_the_time(store, follower) as writer:
        for _ in range(5):
            lost = len(follower.losses)
            async with asyncio.timeout(10):
                while len(follower.losses) == lost:
                    await kill_cursors(admin, store.raw.name)
                    await _grow(writer, 1)
    assert len(follower.openings) > 5


async def test_a_killed_cursor_of_a_quiet_stream_is_no_gap(store: Store, admin: Any) -> None:
    async with following(store, "a") as follower:
        for _ in range(3):
            lost = len(follower.losses)
            async with asyncio.timeout(10):
                while len(follower.losses) == lost:
                    await kill_cursors(admin, store.raw.name)
                    await asyncio.sleep(0.01)
            await follower.until(lambda: len(follower.openings) > len(follower.losses))
    assert all(opened.resumed for opened in follower.openings[1:])


async def test_a_transaction_is_whole_although_the_stream_breaks_inside(
    store: Store, admin: Any
) -> None:
    """Its first part is known when the cursor ends: it is read again from before the part."""
    await store._collection("a").insert_one({"_id": "there"})
    async with contextlib.aclosing(Feed(store, ["a"]).items()) as items:
        assert isinstance(await anext(items), Opened)
        async with store.writing() as writing:
            await writing.insert_one("a", {"_id": "before"})

            async def work() -> None:
                for id in range(4):
                    await writing.insert_one("a", {"_id": id, "large": "x" * 4_500_000})

            await writing.atomically("lock", 1, work)
        told: list[Any] = []
        async for item in items:
            if isinstance(item, Advanced):
                told += [ids_of([*group.changes]) for group in item.groups]
            if told[-1:] == [["before"]]:
                break
        async with failing(admin, "getMore", times=1, closeConnection=True):
            async for item in items:
                assert not isinstance(item, Opened) or item.resumed
                if isinstance(item, Advanced):
                    told += [ids_of([*group.changes]) for group in item.groups]
                if told[-1] != ["before"]:
                    break
    assert told[-2:] == [["before"], [0, 1, 2, 3]]


# What cannot be told


async def test_an_error_that_comes_back_makes_the_stream_begin_anew(
    either: Store, admin: Any
) -> None:
    async with following(either, "a") as follower:
        async with failing(admin, "getMore", times=2, errorCode=8000):
            await follower.until(lambda: len(follower.openings) >= 3)
        async with either.writing() as writing:
            await writing.insert_one("a", {"_id": 1})
            await follower.until_reached(writing.version)
    assert [opened.resumed for opened in follower.openings[1:3]] == [True, False]
    assert ids_of(follower.changes) == [1]


async def test_an_event_too_large_to_be_sent_makes_the_stream_begin_anew(
    either: Store, admin: Any
) -> None:
    """Its `_id` is in the event three times: a document that fits makes one that does not."""
    await admin.command({"setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=700M"})
    async with following(either, "a") as follower, either.writing() as writing:
        large = {"_id": "y" * 2_000_000, "large": "x" * 9_500_000}
        await writing.insert_one("a", large)
        await follower.until(lambda: len(follower.openings) > 1)
        await writing.insert_one("a", {"_id": 2})
        await follower.until_reached(writing.version)
    assert [opened.resumed for opened in follower.openings] == [False, False]
    assert "BSONObj size" in follower.losses[0].reason
    assert len(follower.losses) == 1
    assert ids_of(follower.changes) == [2]


async def test_an_event_that_cannot_be_decoded_makes_the_stream_begin_anew(either: Store) -> None:
    async with following(either, "a") as follower, either.writing() as writing:
        await writing.insert_one("a", {"_id": 1, "uuid": Binary(b"too short", 4)})
        await follower.until(lambda: len(follower.openings) > 1)
        await writing.insert_one("a", {"_id": 2})
        await follower.until_reached(writing.version)
    assert [opened.resumed for opened in follower.openings] == [False, False]
    assert len(follower.losses) == 1
    assert ids_of(follower.changes)[-1] == 2


@contextlib.asynccontextmanager
async def forgetful_mongo(directory: Path) -> AsyncIterator[str]:
    """The URI of a mongod whose history is 2 MB, cut every second."""
    port, program = free_port(), find_mongod(None, os.environ)
    command = command_line(program, directory, port, ["--syncdelay", "1"])
    command[command.index("--oplogSize") + 1] = "2"
    process = Mongod.launch(command, log=2, environment=os.environ)
    try:
        async with asyncio.timeout(30):
            while not (accepts(port) and await become_primary(port, process.pid)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield f"mongodb://{HOST}:{port}/?replicaSet={SET_NAME}"
    finally:
        await process.end()


async def test_a_stream_whose_history_is_gone_begins_anew_without_a_loop(tmp_path: Path) -> None:
    async with (
        forgetful_mongo(tmp_path) as uri,
        Store.open(uri, database="app") as store,
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


@contextlib.asynccontextmanager
async def both_drivers(mongo: EmbeddedMongo) -> AsyncIterator[list[tuple[Follower, Writer]]]:
    """Two feeds with a writer each, to suffer together."""
    async with contextlib.AsyncExitStack() as stack:
        enter, pairs = stack.enter_async_context, []
        for driver in ("pymongo", "motor"):
            name = f"both_{token_hex(4)}"
            store = await enter(Store.open(mongo.uri, database=name, driver=driver))
            follower = await enter(following(store, "a"))
            pairs.append((follower, await enter(writing_all_the_time(store, follower))))
        yield pairs


@pytest.mark.parametrize("seconds", [4.0, 6.0])
async def test_a_mongod_that_stands_still_loses_nothing(
    own_mongo: EmbeddedMongo, seconds: float
) -> None:
    """Shorter than the deadline of a command, and longer."""
    async with both_drivers(own_mongo) as pairs:
        with stopped(own_mongo.pid):
            await asyncio.sleep(seconds)
        for _, writer in pairs:
            await _grow(writer, 3, within=15)
    for follower, _ in pairs:
        assert (len(follower.losses) > 0) == (seconds > 5)


async def test_a_member_that_does_not_say_of_which_time_it_answers_is_no_primary(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is about to be elected, or to step down, sometimes answers a ping."""
    command, timeless = Cursor._command, 2

    async def answered(self: Cursor, asked: dict[str, Any], **how: Any) -> Any:
        nonlocal timeless
        reply = await command(self, asked, **how)
        if "ping" in asked and timeless:
            timeless -= 1
            return {name: value for name, value in reply.items() if name != "operationTime"}
        return reply

    monkeypatch.setattr(Cursor, "_command", answered)
    async with following(store, "a") as follower, store.writing() as writing:
        await writing.insert_one("a", {"_id": 1})
        await follower.until_reached(writing.version)
    assert len(follower.losses) == 2 and ids_of(follower.changes) == [1]
    with pytest.raises(AutoReconnect):
        time_of({"ok": 1.0})


async def test_a_failure_that_nobody_thought_of_breaks_the_stream_and_ends_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    more, failures = Cursor.more, 2

    async def failing_once(self: Cursor, wait_ms: int) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise LookupError("of no kind that we know")
        return await more(self, wait_ms)

    monkeypatch.setattr(Cursor, "more", failing_once)
    async with following(store, "a") as follower, store.writing() as writing:
        await follower.until(lambda: len(follower.openings) == 3)
        await writing.insert_one("a", {"_id": 1})
        await follower.until_reached(writing.version)
    assert [each.resumed for each in follower.openings] == [False] * 3, "it would come again"
    assert len(follower.losses) == 2 and ids_of(follower.changes) == [1]
    assert [each.exc_info is not None for each in caplog.records if each.levelname == "ERROR"]
