"""The stream's own connection: every answer whole, every failure an error, nothing kept."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from bson import CodecOptions, Int64
from bson.raw_bson import RawBSONDocument
from pymongo import errors as driver_errors

from sessionwire.store.cursor import Cursor
from sessionwire.store.driver import make_client, start_session
from sessionwire.store.line import Line
from sessionwire.store.mongo import Store
from support.following import failing, following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


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


async def ask(line: Line, *, within: float = 5.0, **command: Any) -> Any:
    return await line.ask({**command, "$db": "admin"}, within=within, codec=RAW)


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


async def test_a_refusal_is_the_drivers_error_with_its_code(client: Any) -> None:
    async with taken(client) as line:
        with pytest.raises(driver_errors.OperationFailure) as refused:
            await ask(line, getMore=Int64(7), collection="$cmd.aggregate")
        assert refused.value.code == 43
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

    async def line(self: Line, command: Any, **how: Any) -> Any:
        asked.append("line")
        return await of_line(self, command, **how)

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
