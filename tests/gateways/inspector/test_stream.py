"""The stream of events as the inspector's page reads it: what was known, the census, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire import SessionWire
from sessionwire.gateways.inspector.routes import Rhythm
from support.people import add_person
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

ALL = "since=0000000000000000"


@contextlib.asynccontextmanager
async def watching(http: httpx.AsyncClient, query: str = "") -> AsyncIterator[AsyncIterator[Any]]:
    """The lines of the stream as they come; it must begin."""
    async with http.stream("GET", f"/inspector/events?{query}") as answer:
        assert answer.status_code == 200, await answer.aread()
        yield (json.loads(line) async for line in answer.aiter_lines() if line)


async def until(lines: AsyncIterator[Any], kind: str) -> Any:
    async with asyncio.timeout(10):
        async for line in lines:
            if kind in line:
                return line[kind]
    raise AssertionError("the stream ended")


async def test_since_the_beginning_tells_what_was_known_before(server: Running) -> None:
    await server.sign_up("Ada")
    async with server.http() as http, watching(http, ALL) as lines:
        trace = await until(lines, "trace")
    assert trace["changes"]


async def test_without_since_only_news_is_told(server: Running) -> None:
    ada = await server.sign_up("Ada")
    async with server.http() as http, watching(http) as lines:
        await until(lines, "process")
        before = server.wire.relay.hub.position
        await ada.post("/api/auth/update-user", json={"name": "Ada Lovelace"})
        trace = await until(lines, "trace")
    assert int(trace["version"], 16) > before


async def test_the_census_comes_again_and_is_of_this_process(server: Running) -> None:
    live = await server.live(await server.sign_up("Ada"))
    await live.subscribe(1, "user")
    await live.until_shown(1, lambda data: True)
    async with server.http() as http, watching(http, "census=1") as lines:
        process = await until(lines, "process")
        for _ in range(2):
            async with asyncio.timeout(10):
                counted = await until_line(lines)
            assert counted["process"]["id"] == process["id"]
            (connection,) = counted["connections"]
            assert connection["subscriptions"][0]["query"] == "user"


async def until_line(lines: AsyncIterator[Any]) -> Any:
    """The next line that counts."""
    async for line in lines:
        if "connections" in line:
            return line
    raise AssertionError("the stream ended")


def test_a_census_that_takes_long_comes_more_rarely() -> None:
    census = Rhythm(2)
    assert census.is_due(now=10.0)
    census.rest(now=10.01)
    assert not census.is_due(now=12.0) and census.is_due(now=12.01)
    census.rest(now=12.11)
    assert not census.is_due(now=22.1) and census.left(now=22.1) == pytest.approx(0.01)


async def test_a_census_that_makes_no_sense_is_refused(server: Running) -> None:
    async with server.http() as http:
        for census in ("", "0", "61", "-1", "1.5", "x", "9" * 40, "\u0661"):
            answer = await http.get("/inspector/events", params={"census": census})
            assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_CENSUS"), census


async def test_who_signs_out_watches_no_longer(store: Store, settings: Settings) -> None:
    """The stream ends with the session, not with the next request (P6)."""
    production = settings.model_copy(update={"environment": "production"})
    async with run_server(production, wire=SessionWire(settings)) as server:
        grace = await add_person(store, settings, "Grace", role="admin")
        async with server.http(headers={"cookie": grace.cookie}) as http:
            async with watching(http) as lines:
                await until(lines, "process")
                async with store.writing() as writing:
                    await writing.delete_one("session", {"_id": grace.session_id})
                async with asyncio.timeout(5):
                    assert [line async for line in lines if "process" in line] == []
            assert (await http.get("/inspector/events")).status_code == 401


async def test_the_end_of_a_session_is_timed_also_when_its_reason_has_to_be_loaded(
    store: Store, settings: Settings
) -> None:
    """What is slowest must not be missing among the latencies."""
    async with run_server(settings) as server:
        grace = await add_person(store, settings, "Grace")
        live = await server.live(cookie=grace.cookie)
        await live.subscribe(1, "user")
        await live.until_shown(1, lambda data: data["name"] == "Grace")
        async with store.writing() as writing:
            await writing.delete_one("session", {"_id": grace.session_id})
        await live.until(lambda frame: frame["op"] == "bye")
        assert server.wire.relay.hub.tally.write_to_close.count == 1
