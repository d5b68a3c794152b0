"""What those who watch are told, on a whole server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sessionwire.app import SessionWire
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


@contextlib.asynccontextmanager
async def watching(server: Running, **wanted: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The lines of `/inspector/events`."""
    async with server.http() as http:
        async with http.stream("GET", "/inspector/events", params=wanted) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"] == "application/x-ndjson"
            yield (json.loads(line) async for line in response.aiter_lines() if line)


async def trace_of(lines: AsyncIterator[dict[str, Any]], field: str) -> dict[str, Any]:
    """The next trace of a change of this field that was told."""
    async with asyncio.timeout(10):
        async for line in lines:
            trace: dict[str, Any] = line.get("trace", {})
            named = any(field in each["fields"] for each in trace.get("changes", ()))
            if named and trace["stop"] == "told":
                return trace
    raise AssertionError("the stream ended")


async def test_a_change_is_streamed_with_what_became_of_it(server: Running) -> None:
    http = await server.sign_up()
    live = await server.live(http)
    await live.subscribe(1, "user")
    await live.until_shown(1, bool)
    async with watching(server, collection="user") as lines:
        process = (await anext(lines))["process"]
        assert process["live"] and process["connections"] == 1 and process["software"]
        written = await http.post("/api/auth/update-user", json={"name": "Alicia"})
        trace = await trace_of(lines, "name")
    assert trace["version"] == written.headers["sessionwire-version"]
    assert trace["lag"] is not None and 0 <= trace["appliedAt"] <= trace["lastAt"]
    (delivery,) = (each for each in trace["deliveries"] if each["query"] == "user")
    assert delivery["state"] == "written" and delivery["version"] == trace["version"]
    (connection,) = (await http.get("/inspector/connections")).json()
    assert connection["id"] == delivery["connection"]
    assert connection["user"] == delivery["user"] == trace["changes"][0]["user"]
    assert connection["version"] == trace["version"] and connection["kind"] == "socket"
    assert [each["state"] for each in connection["subscriptions"]] == ["current"]


async def test_a_client_that_acknowledges_is_known_to_show_it(server: Running) -> None:
    http = await server.sign_up()
    live = await server.live(http)
    await live.subscribe(1, "user")
    frame = await live.until(lambda frame: frame["op"] == "update")
    assert frame["ack"] is True
    await live.send(op="ack", version=frame["version"])
    await http.post("/api/auth/update-user", json={"name": "Alicia"})
    frame = await live.until(lambda frame: frame["op"] == "update")
    assert frame["ack"] is True, "the one before was answered"
    async with watching(server) as lines:
        await live.send(op="ack", version=frame["version"])
        await live.send(op="ping")
        await live.until(lambda frame: frame["op"] == "pong")
        (connection,) = (await http.get("/inspector/connections")).json()
        assert connection["acknowledged"] == frame["version"]
        async with asyncio.timeout(10):
            async for line in lines:
                states = {each["state"] for each in line.get("trace", {}).get("deliveries", ())}
                if "acknowledged" in states:
                    break


async def test_an_ack_that_was_not_asked_for_is_refused(server: Running) -> None:
    live = await server.live()
    await live.receive()
    await live.send(op="ack", version="0" * 16)
    refused = await live.receive()
    assert (refused["op"], refused["code"]) == ("error", "unexpected_ack")


async def test_in_production_nothing_is_traced_until_somebody_watches(
    settings: Settings, store: Store
) -> None:
    wire = SessionWire(settings)
    wire.settings = settings.model_copy(update={"environment": "production"})
    async with run_server(wire.settings, wire=wire) as server:
        hub = server.wire.relay.hub
        assert hub.tracer is None
        http = await server.sign_up()
        await store.client[settings.database]["user"].update_one({}, {"$set": {"role": "admin"}})
        await http.post("/api/auth/update-user", json={"name": "Alicia"})
        async with http.stream("GET", "/inspector/events") as response:
            lines = response.aiter_lines()
            assert "process" in await anext(lines)
            assert hub.tracer is not None
        async with asyncio.timeout(5):
            while hub.tracer is not None:  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)


async def test_what_is_older_can_be_asked_for(server: Running) -> None:
    http = await server.sign_up()
    first = (await http.post("/api/auth/update-user", json={"name": "B"})).headers
    second = (await http.post("/api/auth/update-user", json={"name": "C"})).headers
    since = {"since": first["sessionwire-version"], "collection": "user"}
    for answer in (await http.get("/inspector/traces", params=since),):
        versions = [each["version"] for each in answer.json()]
        assert versions == [second["sessionwire-version"]]
    async with watching(server, **since) as lines:
        assert "process" in await anext(lines)
        assert (await anext(lines))["trace"]["version"] == second["sessionwire-version"]


async def test_a_version_that_is_none_is_refused(server: Running) -> None:
    async with server.http() as http:
        answer = await http.get("/inspector/traces", params={"since": "yesterday"})
    assert answer.status_code == 400 and answer.json()["code"] == "INVALID_VERSION"


async def test_only_so_many_watch_at_once(server: Running) -> None:
    async with contextlib.AsyncExitStack() as stack:
        kept = [await stack.enter_async_context(watching(server)) for _ in range(16)]
        for lines in kept:
            await anext(lines)
        async with server.http() as http:
            refused = await http.get("/inspector/events")
            assert refused.status_code == 503 and refused.json()["code"] == "SERVICE_UNAVAILABLE"


async def test_a_stopping_server_ends_the_streams(settings: Settings, store: Store) -> None:
    async with httpx.AsyncClient() as http, contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(run_server(settings))
        async with http.stream("GET", f"{server.address}/inspector/events") as response:
            lines = response.aiter_lines()
            await anext(lines)
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(stack.aclose())
                with pytest.raises(StopAsyncIteration):
                    while True:
                        await anext(lines)


async def test_polls_are_present_while_they_wait(server: Running) -> None:
    http = await server.sign_up()
    shown = await http.post("/live/poll", json={"subscriptions": [{"id": 1, "query": "user"}]})
    tag = shown.json()["results"][0]["tag"]
    asked = {"subscriptions": [{"id": 1, "query": "user", "tag": tag}]}
    waiting = asyncio.create_task(http.post("/live/poll", json=asked))
    async with asyncio.timeout(10):
        while not (found := (await http.get("/inspector/connections")).json()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert found[0]["kind"] == "poll" and found[0]["subscriptions"][0]["query"] == "user"
    await http.post("/api/auth/update-user", json={"name": "Alicia"})
    assert (await waiting).status_code == 200
