"""The stream's own connection: every answer whole, every failure an error, nothing kept."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING, Any

import bson
import pytest
from bson import Int64
from pymongo import errors as driver_errors

from sessionwire.store.cursor import Cursor
from sessionwire.store.driver import make_client, start_session
from sessionwire.store.line import Line
from sessionwire.store.mongo import Store
from support.following import failing, following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo


@pytest.fixture
async def client(mongo: EmbeddedMongo) -> AsyncIterator[Any]:
    """A client whose pool holds one connection: one that was not given back is missed at once."""
    uri = f"{mongo.uri}&maxPoolSize=1&waitQueueTimeoutMS=2000"
    made = make_client(uri, driver="pymongo", appname="sessionwire-stream")
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def taken(client: Any) -> AsyncIterator[Line]:
    line = await Line.take(client)
    assert line is not None, "this version of PyMongo gives no connection away"
    try:
        yield line
    finally:
        await line.close()


async def ask(line: Line, *, within: float = 5.0, **command: Any) -> dict[str, Any]:
    line.ask(bson.encode({**command, "$db": "admin"}), within=within)
    assert line.asked
    answer = bson.decode(await line.answer())
    assert not line.asked
    return answer


async def test_it_asks_one_question_after_the_other(client: Any) -> None:
    async with taken(client) as line:
        for _ in range(3):
            assert (await ask(line, ping=1))["ok"] == 1
    await client.admin.command("ping")


async def test_an_answer_of_many_segments_is_whole(client: Any) -> None:
    text = "x" * 3_000_000
    async with taken(client) as line:
        found = await ask(line, aggregate=1, cursor={}, pipeline=[{"$documents": [{"t": text}]}])
        assert found["cursor"]["firstBatch"][0]["t"] == text
        assert (await ask(line, ping=1))["ok"] == 1


async def test_a_refusal_is_an_answer_like_any_other(client: Any) -> None:
    async with taken(client) as line:
        assert (await ask(line, getMore=Int64(7), collection="$cmd.aggregate"))["code"] == 43
        assert (await ask(line, ping=1))["ok"] == 1


@pytest.mark.parametrize("how", [{"closeConnection": True}])
async def test_a_connection_that_is_cut_is_an_error_and_the_pool_makes_another(
    client: Any, admin: Any, how: dict[str, Any]
) -> None:
    async with taken(client) as line, failing(admin, "ping", times=1, **how):
        with pytest.raises(driver_errors.AutoReconnect):
            await ask(line, ping=1)
        with pytest.raises(driver_errors.AutoReconnect):
            await ask(line, ping=1)
    await client.admin.command("ping")


async def test_who_waits_too_long_cuts_the_connection(client: Any, admin: Any) -> None:
    how = {"blockConnection": True, "blockTimeMS": 1_500}
    async with taken(client) as line, failing(admin, "ping", times=1, **how):
        with pytest.raises(TimeoutError):
            await ask(line, ping=1, within=0.2)
        with pytest.raises(driver_errors.AutoReconnect):
            await ask(line, ping=1)
    await client.admin.command("ping")


async def test_who_is_cancelled_cuts_the_connection(client: Any, admin: Any) -> None:
    how = {"blockConnection": True, "blockTimeMS": 1_500}
    async with taken(client) as line, failing(admin, "ping", times=1, **how):
        asking = asyncio.create_task(ask(line, ping=1))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    await client.admin.command("ping")


async def test_who_drops_a_question_cuts_the_connection(client: Any) -> None:
    """Its answer may be on the way, and nothing would tell it from another question's."""
    async with taken(client) as line:
        line.ask(bson.encode({"ping": 1, "$db": "admin"}), within=5.0)
        line.drop()
        assert not line.asked and not line.open
        with pytest.raises(driver_errors.AutoReconnect):
            await ask(line, ping=1)
    await client.admin.command("ping")


async def test_a_question_that_failed_and_was_dropped_is_not_reported(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with taken(client) as line:
        line.ask(bson.encode({"ping": 1, "$db": "admin"}), within=5.0)
        line.data_received(b"HTTP/1.1 400 Bad Request\r\n")
        line.drop()
    gc.collect()
    await asyncio.sleep(0)
    assert not caplog.records


async def test_bytes_that_are_no_answer_end_it(client: Any) -> None:
    async with taken(client) as line:
        asking = asyncio.create_task(ask(line, ping=1))
        await asyncio.sleep(0)
        line.data_received(b"HTTP/1.1 400 Bad Request\r\n")
        with pytest.raises(driver_errors.AutoReconnect, match="not an answer"):
            await asking
    await client.admin.command("ping")


async def test_motor_gives_none_away(mongo: EmbeddedMongo) -> None:
    client = make_client(mongo.uri, driver="motor")
    assert await Line.take(client) is None
    client.close()


async def test_a_cursor_asks_on_it_and_now_and_then_by_the_driver(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    of_line, of_driver = Line.ask, Cursor._command

    def line(self: Line, question: bytes, **how: Any) -> None:
        asked.append("line")
        of_line(self, question, **how)

    async def driver(self: Cursor, command: Any, **how: Any) -> Any:
        if "getMore" in command:
            asked.append("driver")
        return await of_driver(self, command, **how)

    monkeypatch.setattr(Line, "ask", line)
    monkeypatch.setattr(Cursor, "_command", driver)
    async with following(store, "a") as follower, store.writing() as writing:
        for number in range(12):
            await writing.insert_one("a", {"_id": number})
            await asyncio.sleep(0.2)
        await follower.until_reached(writing.version)
    assert len(follower.changes) == 12 and not follower.losses
    assert asked[0] == "driver", "who knows the primary"
    assert 2 <= asked.count("driver") < asked.count("line")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each question on a line is ready to wait, in milliseconds."""
    waits: list[int] = []
    ask = Line.ask

    def asked(self: Line, question: bytes, **how: Any) -> None:
        waits.append(bson.decode(question)["maxTimeMS"])
        ask(self, question, **how)

    monkeypatch.setattr(Line, "ask", asked)
    return waits


async def opened(store: Store, session: Any) -> tuple[Cursor, Line]:
    """A cursor on a line, whose first question, the driver's, is answered."""
    line = await Line.take(store.stream_client)
    assert line is not None
    cursor = Cursor(store, session, line)
    await cursor.open(["a"], None, beyond=False, since=None)
    assert await cursor.more(1) == []
    return cursor, line


async def test_behind_several_events_the_next_batch_is_asked_for_at_once(
    store: Store, waits: list[int]
) -> None:
    async with await start_session(store.stream_client) as session:
        cursor, line = await opened(store, session)
        await store.raw["a"].insert_many([{"_id": 1}, {"_id": 2}])
        assert len(await cursor.more(200)) == 2
        assert line.asked and waits == [200, 1], "what is behind them is told soon"
        assert await cursor.more(200) == []
        assert not line.asked and waits == [200, 1], "that was the answer to it"
        await store.raw["a"].insert_one({"_id": 3})
        assert len(await cursor.more(200)) == 1
        assert not line.asked, "one event is dealt with first"
        await cursor.close()
        assert line.open
        await line.close()


async def test_a_cursor_that_is_closed_while_it_asks_leaves_nothing_behind(
    store: Store, admin: Any, waits: list[int]
) -> None:
    async with await start_session(store.stream_client) as session:
        cursor, line = await opened(store, session)
        await store.raw["a"].insert_many([{"_id": 1}, {"_id": 2}])
        assert len(await cursor.more(200)) == 2 and line.asked
        await cursor.close()
        assert not line.open, "an answer that nobody waits for is on its way"
        await line.close()
    open_ = {"$currentOp": {"idleCursors": True, "allUsers": True}}
    ours = {"$match": {"ns": f"{store.name}.$cmd.aggregate"}}
    async with await admin.aggregate([open_, ours]) as found:
        assert await found.to_list() == []


async def test_an_applications_own_client_keeps_its_connections(mongo: EmbeddedMongo) -> None:

    client = make_client(f"{mongo.uri}&maxPoolSize=2", driver="pymongo")
    async with Store.open(database="test_own", client=client) as store:
        async with following(store, "a") as follower, store.writing() as writing:
            await writing.insert_one("a", {"_id": 1})
            await follower.until_reached(writing.version)
        assert len(follower.changes) == 1
        await client.drop_database("test_own")
    await client.close()


async def test_the_session_of_a_line_is_that_of_its_cursor(store: Store) -> None:
    """MongoDB refuses a `getMore` in another session than that which opened the cursor."""
    async with await start_session(store.stream_client) as session:
        cursor = Cursor(store, session)
        await cursor.open(["a"], None, beyond=False, since=None)
        for _ in range(3):
            assert await cursor.more(1) == []
        await cursor.close()
