"""The pytest fixture, as an application's own tests use it."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sessionwire import get_current_session
from support.server import LiveClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

    from sessionwire.testing import Person, PlayedSessions

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another HTTP client, and works with ours
    from starlette.testclient import TestClient

pytest_plugins = ["sessionwire.testing"]


async def dashboard(request: Request) -> JSONResponse:
    session = await get_current_session(request)
    if session is None:
        return JSONResponse(None)
    return JSONResponse([session.user.name, session.organization and session.organization.name])


def application(played: PlayedSessions) -> Starlette:
    routes = [Route("/dashboard", dashboard), Mount("/", played.wire)]
    return Starlette(routes=routes, lifespan=played.wire.lifespan)


async def shown(http: httpx.AsyncClient, person: Person) -> Any:
    return (await http.get("/dashboard", headers=person.headers)).json()


async def test_the_application_sees_each_change_at_once(sessionwire: PlayedSessions) -> None:
    alice = sessionwire.sign_in(name="Alice")
    app = application(sessionwire)
    transport = httpx.ASGITransport(app)
    async with sessionwire.wire.lifespan(app):
        async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
            assert await shown(http, alice) == ["Alice", "Alice's workspace"]
            sessionwire.switch_organization(alice, "Acme")
            assert await shown(http, alice) == ["Alice", "Acme"]
            sessionwire.rename(alice, "Alicia")
            sessionwire.rename_organization("Acme", "Umbrella")
            assert await shown(http, alice) == ["Alicia", "Umbrella"]
            sessionwire.leave(alice, "Umbrella")
            assert await shown(http, alice) == ["Alicia", None]
            phone = sessionwire.sign_in(alice)
            sessionwire.revoke(alice)
            assert await shown(http, alice) is None
            assert await shown(http, phone) == ["Alicia", None]
            sessionwire.ban(phone)
            assert await shown(http, phone) is None


def test_an_application_under_starlettes_test_client_sees_them_too(
    sessionwire: PlayedSessions,
) -> None:
    """It runs in another thread, with a loop of its own."""
    alice = sessionwire.sign_in(name="Alice", organization="Acme", role="member")
    with TestClient(application(sessionwire), headers=alice.headers) as http:
        assert http.get("/dashboard").json() == ["Alice", "Acme"]
        assert http.get("/api/auth/get-session").json()["user"]["name"] == "Alice"
        sessionwire.rename(alice, "Alicia")
        assert http.get("/dashboard").json() == ["Alicia", "Acme"]
        with http.websocket_connect("/live", subprotocols=["sessionwire.v1"]) as socket:
            socket.send_json({"op": "subscribe", "id": 1, "query": "session"})
            while (frame := json.loads(socket.receive_text()))["op"] != "update":
                pass
            assert frame["results"][0]["data"]["role"] == "member"
            sessionwire.join(alice, "Acme", role="admin")
            frame = json.loads(socket.receive_text())
            assert frame["results"][0]["data"]["role"] == "admin"
        refused = http.post("/api/auth/sign-out", json={})
        assert (refused.status_code, refused.json()["code"]) == (503, "READ_ONLY")


ENDS: dict[str, Callable[[PlayedSessions, Person], object]] = {
    "revoked": lambda played, person: played.revoke(person),
    "signed_out": lambda played, person: played.sign_out(person),
    "expired": lambda played, person: played.expire(person),
    "password_changed": lambda played, person: played.revoke(person, reason="password_changed"),
    "banned": lambda played, person: played.ban(person),
    "deleted": lambda played, person: played.delete(person),
}


@pytest.fixture
async def live(sessionwire: PlayedSessions) -> Any:
    """Opens live connections to the served application."""
    async with contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(sessionwire.serving())

        async def open(person: Person) -> LiveClient:
            url: Any = address.replace("http", "ws") + "/live"
            cookie = {"Cookie": person.headers["cookie"]}
            connection = await stack.enter_async_context(
                connect(url, origin=address, additional_headers=cookie, proxy=None)  # type: ignore[arg-type]
            )
            return LiveClient(connection)

        yield open


async def test_each_end_is_told_with_its_reason(
    sessionwire: PlayedSessions, live: Callable[[Person], Awaitable[LiveClient]]
) -> None:
    for reason, end in ENDS.items():
        person = sessionwire.sign_in(name=reason)
        client = await live(person)
        await client.subscribe(1, "session")
        await client.until_shown(1, lambda data: data is not None)
        end(sessionwire, person)
        bye = await client.until(lambda frame: frame["op"] == "bye")
        assert bye["reason"] == reason
        with pytest.raises(ConnectionClosed):
            await client.receive()


async def test_an_outage_is_told_and_undone(
    sessionwire: PlayedSessions, live: Callable[[Person], Awaitable[LiveClient]]
) -> None:
    client = await live(sessionwire.sign_in())
    await client.subscribe(1, "session")
    await client.until_shown(1, lambda data: data is not None)
    for change, is_live in ((sessionwire.go_stale, False), (sessionwire.go_live, True)):
        change()
        status = await client.until(lambda frame: frame["op"] == "status")
        assert status["live"] is is_live
    sessionwire.go_stale()
    async with httpx.AsyncClient(base_url=sessionwire.settings.base_url) as http:
        answer = await http.get("/api/auth/get-session")
    assert answer.status_code == 200, "the database still answers"


async def test_queries_of_the_application_read_its_own_documents(
    sessionwire: PlayedSessions, live: Callable[[Person], Awaitable[LiveClient]]
) -> None:
    @sessionwire.wire.query("projects.list")
    def projects(ctx: Any) -> list[str]:
        return [each["name"] for each in ctx.where("project", owner=str(ctx.user["_id"]))]

    alice = sessionwire.sign_in()
    sessionwire.put("project", {"_id": 1, "owner": alice.id, "name": "One"})
    client = await live(alice)
    await client.subscribe(1, "projects.list")
    await client.until_shown(1, lambda data: data == ["One"])
    sessionwire.put("project", {"_id": 2, "owner": alice.id, "name": "Two"})
    await client.until_shown(1, lambda data: data == ["One", "Two"])
    sessionwire.remove("project", 1)
    await client.until_shown(1, lambda data: data == ["Two"])


RECORDING = """\
{"kind":"sessionwire.recording","format":1,"software":"0.1.0","version":"6b0ab1a800000008",\
"wall":"2026-11-28T10:49:20.000Z","personal":"pseudonyms"}
{"in":"user","document":{"_id":"u1","name":"Person 1","email":"person1@example.com"}}
{"in":"session","document":{"_id":"s1","token":"viewer00000000000000000000000001","userId":"u1",\
"createdAt":{"$date":"2026-11-28T10:00:00.000Z"},"updatedAt":{"$date":"2026-11-28T10:00:00.000Z"},\
"expiresAt":{"$date":"2026-12-05T10:00:00.000Z"}}}
{"version":"6b0ab1b000000001","wall":"2026-11-28T10:49:21.000Z","changes":[\
{"in":"user","id":"u1","set":{"name":"Person 2"},"unset":[]}]}
{"version":"6b0ab1b300000002","wall":"2026-11-28T10:49:23.000Z","changes":[\
{"in":"sessionEnd","insert":{"_id":"viewer00000000000000000000000001","reason":"revoked"}},\
{"in":"session","delete":"s1"}]}
{"ended":"2026-11-28T10:49:24.000Z"}
"""


async def test_a_recording_is_played_step_by_step(
    sessionwire: PlayedSessions, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.jsonl"
    path.write_text(RECORDING)
    playing = sessionwire.play(path)
    viewer = playing.viewers["viewer1"]
    app = application(sessionwire)
    transport = httpx.ASGITransport(app)
    async with sessionwire.wire.lifespan(app):
        async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
            assert await shown(http, viewer) == ["Person 1", None]
            assert playing.step() is not None
            assert await shown(http, viewer) == ["Person 2", None]
            assert playing.finish() == 1
            assert await shown(http, viewer) is None
            assert playing.step() is None


def test_what_is_not_there_cannot_be_left_or_ended(sessionwire: PlayedSessions) -> None:
    alice = sessionwire.sign_in()
    with pytest.raises(LookupError, match="no member of Acme"):
        sessionwire.leave(alice, "Acme")
    with pytest.raises(LookupError, match="no organization Acme"):
        sessionwire.rename_organization("Acme", "Umbrella")
    sessionwire.revoke(alice)
    with pytest.raises(LookupError, match="is over"):
        sessionwire.revoke(alice)
