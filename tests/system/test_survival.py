"""What live clients see when MongoDB or the server dies: never less than they had (P3, P4, P7)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pymongo
import pytest
from pymongo.network_layer import PyMongoProtocol
from websockets.exceptions import ConnectionClosed

from sessionwire.store.feed import Feed
from support.process import Served, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from sessionwire.store.mongo import Store
    from support.server import LiveClient

CLIENTS = 12
WRITES_BETWEEN_KILLS = 40
KILLS = 2
RECOVERED_WITHIN = 30.0


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data") as running:
        yield running


async def subscribed(served: Served, http: httpx.AsyncClient, **more: Any) -> LiveClient:
    """A live client that shows the session and its organizations."""
    live = await served.web.live(http)
    for id, query in enumerate(("session", "organizations")):
        await live.subscribe(id, query, **more)
    for id in (0, 1):
        await live.until_shown(id, lambda data: data is not None)
    return live


def named(name: str) -> Callable[[Any], bool]:
    return lambda data: data is not None and data["user"]["name"] == name


async def through(served: Served, http: httpx.AsyncClient, name: str) -> None:
    """An acknowledged change of the name over HTTP, however often it takes."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = await http.post("/api/auth/update-user", json={"name": name})
            if answer.status_code == 200:
                return
            assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.05)


async def beside(served: Served, http: httpx.AsyncClient, name: str) -> None:
    """An acknowledged change of the name by another program, however often it takes."""
    client = pymongo.AsyncMongoClient[dict[str, Any]](served.mongodb_uri, w="majority")
    async with client:
        while True:
            with contextlib.suppress(pymongo.errors.PyMongoError):
                await client.sessionwire.user.update_one({}, {"$set": {"name": name}})
                return


def told_the_truth(live: LiveClient) -> None:
    """No goodbye, nobody signed out, no error, and versions that only grow."""
    assert [frame["op"] for frame in live.frames].count("bye") == 0
    updates = [frame for frame in live.frames if frame["op"] == "update"]
    results = [result for frame in updates for result in frame["results"]]
    assert all(result.get("data") is not None for result in results), results
    versions = [frame["version"] for frame in updates]
    assert versions == sorted(versions)


@pytest.mark.parametrize("write", [through, beside], ids=["over HTTP", "by another program"])
async def test_a_killed_mongod_under_load_costs_nobody_anything(
    served: Served, write: Callable[[Served, httpx.AsyncClient, str], Coroutine[Any, Any, None]]
) -> None:
    alice = await served.web.sign_up()
    clients = [await subscribed(served, alice) for _ in range(CLIENTS)]
    last = f"name {(KILLS + 1) * WRITES_BETWEEN_KILLS - 1}"
    async with asyncio.timeout(RECOVERED_WITHIN), asyncio.TaskGroup() as group:
        for live in clients:
            group.create_task(live.until_shown(0, named(last), within=RECOVERED_WITHIN))
        for number in range((KILLS + 1) * WRITES_BETWEEN_KILLS):
            writing = group.create_task(write(served, alice, f"name {number}"))
            if number and number % WRITES_BETWEEN_KILLS == 0:
                [mongod] = served.mongods()
                await asyncio.sleep(0)
                mongod.kill()
            await writing
    for live in clients:
        told_the_truth(live)
        assert live.shows[0]["user"]["name"] == last


async def test_a_killed_server_comes_back_with_everything_acknowledged(served: Served) -> None:
    alice = await served.web.sign_up()
    clients = [await subscribed(served, alice) for _ in range(CLIENTS)]
    answer = await alice.post("/api/auth/update-user", json={"name": "Ada"})
    acknowledged = answer.headers["sessionwire-version"]
    await served.end(signal.SIGKILL)
    for live in clients:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await live.receive()
        told_the_truth(live)

    async with serve(served.data_dir, "--port", str(served.port)) as again:
        for before in clients:
            after = await subscribed(again, alice, since=before.version)
            assert after.shows[0]["user"]["name"] == "Ada"
            assert after.version >= before.version
            told_the_truth(after)
        current = await subscribed(again, alice, since=acknowledged)
        assert current.version >= acknowledged
        answer = await alice.post("/api/auth/update-user", json={"name": "Ada Lovelace"})
        assert answer.headers["sessionwire-version"] > acknowledged
        await current.until_shown(0, named("Ada Lovelace"))


@pytest.fixture
async def frozen(tmp_path: Path) -> AsyncIterator[Served]:
    """A server with short bounds, whose mongod a test may stop; it goes on at the end."""
    bounds = {"max_staleness": "1", "unverifiable_after": "2", "read_deadline": "1"}
    limits = {f"limits__{name}": value for name, value in bounds.items()}
    async with serve(tmp_path / "data", **limits) as running:
        try:
            yield running
        finally:
            for mongod in running.mongods():
                os.kill(mongod.pid, signal.SIGCONT)


async def test_a_frozen_mongod_is_first_stale_then_unverifiable_and_never_signed_out(
    frozen: Served,
) -> None:
    alice = await frozen.web.sign_up()
    live = await subscribed(frozen, alice)
    [mongod] = frozen.mongods()
    os.kill(mongod.pid, signal.SIGSTOP)
    assert await live.receive() == {"op": "status", "live": False}
    bye = await live.receive()
    assert (bye["op"], bye["reason"], bye["retry"]) == ("bye", "unverifiable", True)
    with pytest.raises(ConnectionClosed):
        await live.receive()
    assert live.connection.close_code == 4503
    assert (await alice.get("/api/auth/get-session")).status_code == 503

    os.kill(mongod.pid, signal.SIGCONT)
    await through(frozen, alice, "Ada")
    again = await subscribed(frozen, alice, since=live.version)
    assert again.shows[0]["user"]["name"] == "Ada"


@pytest.mark.parametrize("path", ["update-user", "sign-in/email"])
async def test_a_write_to_a_frozen_mongod_is_answered_within_the_deadline(
    frozen: Served, path: str
) -> None:
    alice = await frozen.web.sign_up()
    [mongod] = frozen.mongods()
    os.kill(mongod.pid, signal.SIGSTOP)
    began = time.monotonic()
    body = {"email": "alice@example.com", "password": "correct horse battery", "name": "Ada"}
    answer = await alice.post(f"/api/auth/{path}", json=body)
    assert answer.status_code == 503
    assert time.monotonic() - began < 3.0


async def test_a_cancellation_that_the_driver_drops_still_ends_the_feed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver sends under `asyncio.wait_for`, which before Python 3.12 drops a cancellation that
    comes as its own work is done: a server told to stop at that moment would never end.
    """
    following: list[asyncio.Task[None]] = []
    write = PyMongoProtocol.write

    async def write_and_cancel(protocol: PyMongoProtocol, message: bytes) -> None:
        await write(protocol, message)
        if following and b"getMore" in message:
            following.pop().cancel()

    monkeypatch.setattr(PyMongoProtocol, "write", write_and_cancel)
    async with contextlib.aclosing(Feed(store, ["user"]).items()) as items:
        await anext(items)
        await anext(items)

        async def follow() -> None:
            async for _ in items:
                pass

        task = asyncio.create_task(follow())
        following.append(task)
        done, _ = await asyncio.wait({task}, timeout=3)
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        assert task in done
