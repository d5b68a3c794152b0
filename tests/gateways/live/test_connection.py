"""Connections over real sockets: ends with a reason, slow readers, bad input, other servers."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sessionwire import SessionWire
from sessionwire.policy.limits import Limits
from support.people import add_organization, add_person
from support.server import LiveClient, Running, run_server

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person


async def ended(live: LiveClient) -> tuple[str, int]:
    """The reason of the bye, and the close code after it."""
    bye = await live.until(lambda frame: frame["op"] == "bye", within=5)
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            frame = await live.receive(within=5)
            raise AssertionError(f"a frame after bye: {frame}")
    assert caught.value.rcvd is not None
    return bye["reason"], caught.value.rcvd.code


async def test_sign_out_ends_the_sockets_of_this_session_only(server: Running) -> None:
    phone, laptop = await server.sign_up(), await server.sign_in()
    here, there = await server.live(phone), await server.live(laptop)
    await there.subscribe(1, "devices")
    await there.until_shown(1, lambda data: len(data) == 2)
    assert (await phone.post("/api/auth/sign-out", json={})).status_code == 200
    assert await ended(here) == ("signed_out", 4401)
    await there.until_shown(1, lambda data: len(data) == 1)


async def test_a_revoked_device_is_told_so(server: Running) -> None:
    phone, laptop = await server.sign_up(), await server.sign_in()
    live = await server.live(laptop)
    sessions = (await phone.get("/api/auth/list-sessions")).json()
    mine = (await phone.get("/api/auth/get-session")).json()["session"]["id"]
    (other,) = [each["token"] for each in sessions if each["id"] != mine]
    await phone.post("/api/auth/revoke-session", json={"token": other})
    assert await ended(live) == ("revoked", 4401)
    assert (await laptop.get("/api/auth/get-session")).json() is None


async def test_a_password_change_ends_the_other_devices(server: Running) -> None:
    phone, laptop = await server.sign_up(), await server.sign_in()
    here, there = await server.live(phone), await server.live(laptop)
    body = {"currentPassword": "correct horse battery", "newPassword": "another horse battery"}
    assert (await phone.post("/api/auth/change-password", json=body)).status_code == 200
    assert await ended(there) == ("password_changed", 4401)
    await here.subscribe(1, "user")
    await here.until_shown(1, lambda data: data["name"] == "Alice")


async def test_a_deleted_user_and_a_banned_one_are_told_so(
    server: Running, store: Store, settings: Settings
) -> None:
    for reason in ("deleted", "banned"):
        person = await add_person(store, settings, "Alice")
        live = await server.live(cookie=person.cookie)
        await live.receive()
        async with store.writing() as writing:
            if reason == "deleted":
                await writing.delete_one("user", {"_id": person.id})
            else:
                await writing.update_one("user", {"_id": person.id}, {"$set": {"banned": True}})
        assert await ended(live) == (reason, 4401)


async def test_a_session_expires_on_time(server: Running, store: Store, settings: Settings) -> None:
    from datetime import UTC, datetime, timedelta

    person = await add_person(store, settings, "Alice")
    live = await server.live(cookie=person.cookie)
    await live.receive()
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    async with store.writing() as writing:
        await writing.update_one(
            "session", {"_id": person.session_id}, {"$set": {"expiresAt": soon}}
        )
    assert await ended(live) == ("expired", 4401)


async def test_losing_the_membership_takes_the_organization_away(
    server: Running, store: Store, settings: Settings
) -> None:
    person = await add_person(store, settings, "Alice")
    organization = await add_organization(store, "Acme", {person.id: "member"})
    async with store.writing() as writing:
        pointer = {"$set": {"activeOrganizationId": str(organization)}}
        await writing.update_one("user", {"_id": person.id}, pointer)
    live = await server.live(cookie=person.cookie)
    await live.subscribe(1, "session")
    await live.subscribe(2, "organization", args={"organization": str(organization)})
    await live.until_shown(1, lambda data: data["organization"]["name"] == "Acme")
    await live.until_shown(2, lambda data: data["role"] == "member")
    async with store.writing() as writing:
        await writing.delete_one("member", {"userId": person.id})
    frame = await live.until(lambda frame: frame["op"] == "update")
    assert {each["id"] for each in frame["results"]} == {1, 2}, "one moment is one frame"
    assert live.shows[1]["organization"] is None and live.shows[1]["role"] is None
    assert live.shows[2]["code"] == "not_a_member"


BAD = [
    "",
    "{",
    "[]",
    "null",
    '{"op":"nope"}',
    '{"op":"subscribe"}',
    '{"op":"subscribe","id":"1","query":"session"}',
    '{"op":"subscribe","id":1,"query":["session"]}',
    '{"op":"subscribe","id":1,"query":"nope"}',
    '{"op":"subscribe","id":1,"query":"session","args":{"organization":{"$ne":null}}}',
    '{"op":"subscribe","id":1,"query":"session","args":{"userId":"x"}}',
    '{"op":"subscribe","id":1,"query":"session","more":1}',
    '{"op":"subscribe","id":99999999999,"query":"session"}',
    '{"op":"unsubscribe","id":{}}',
    '{"op":"ping","x":1}',
    '{"op":"subscribe","id":1,"query":"' + "q" * 9_000 + '"}',
]


async def test_bad_frames_are_answered_and_leave_one_line_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    live = await server.live()
    await live.receive()
    caplog.clear()
    for text in BAD:
        await live.connection.send(text)
        frame = await live.receive()
        assert frame["op"] == "error" and frame["code"], text
        assert "Traceback" not in str(frame) and len(str(frame)) < 500
    await live.subscribe(7, "session")
    assert await live.until_shown(7, lambda data: True) is None
    while True:
        try:
            await live.connection.send("{")
            await live.receive()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 4400
            break
    await asyncio.wait_for(_until(lambda: len(caplog.records) > 0), 5)
    (line,) = (each.getMessage() for each in caplog.records)
    assert re.fullmatch("The connection [0-9a-f]{8} ended: protocol_error", line)


async def _until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 (log records set no event)
        await asyncio.sleep(0.01)


async def test_ws_15_a_reader_that_stops_is_cut_and_delays_nobody(
    store: Store, settings: Settings
) -> None:
    limits = Limits(write_deadline=1.0)
    person = await add_person(store, settings, "Alice", image="")
    async with run_server(settings.model_copy(update={"limits": limits})) as server:
        server.wire.query("big")(lambda ctx: [ctx.get("user", person.id)["image"]])
        frozen = await _frozen(server, person)
        awake = await server.live(cookie=person.cookie)
        await awake.subscribe(1, "big")
        hub = server.wire.relay.hub
        for number in range(60):
            async with store.writing() as writing:
                image = {"$set": {"image": f"{number}:" + "x" * 200_000}}
                await writing.update_one("user", {"_id": person.id}, image)
            await awake.until_shown(1, lambda data, n=number: data[0].startswith(f"{n}:"), within=5)  # type: ignore[misc]
        await asyncio.wait_for(_until(lambda: hub.connections == 1), 10)
        frozen.close()


async def _frozen(server: Running, person: Person) -> socket.socket:
    """A peer that shakes hands, subscribes, and never reads again."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(peer, (host, int(port)))
    handshake = (
        f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {server.address}\r\n"
        f"Cookie: {person.cookie}\r\n\r\n"
    )
    await loop.sock_sendall(peer, handshake.encode())
    await loop.sock_recv(peer, 1024)
    text = b'{"op":"subscribe","id":1,"query":"big"}'
    await loop.sock_sendall(peer, bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
    return peer


async def test_a_stop_says_goodbye_with_a_time_to_come_back(
    store: Store, settings: Settings
) -> None:
    async with run_server(settings) as server:
        url = server.address.replace("http", "ws") + "/live"
        connections = [
            LiveClient(await connect(url, origin=server.address, proxy=None))  # type: ignore[arg-type]
            for _ in range(5)
        ]
        for live in connections:
            await live.receive()
    for live in connections:
        bye = await live.receive()
        assert bye["reason"] == "shutdown" and bye["retry"] is True and 0 <= bye["after"] <= 5_000
        with pytest.raises(ConnectionClosed) as caught:
            await live.receive()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1012


async def test_it_serves_mounted_in_an_application_on_any_asgi_server(
    store: Store, settings: Settings
) -> None:
    """The README's five lines, on uvicorn's own WebSocket protocol."""

    def hello(request: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    wire = SessionWire(settings)
    app = Starlette(routes=[Route("/hello", hello), Mount("/", wire)], lifespan=wire.lifespan)
    person = await add_person(store, settings, "Alice")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        wire.settings = settings.model_copy(update={"base_url": address})
        server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_config=None))
        async with asyncio.TaskGroup() as group:
            group.create_task(server._serve([listener]))
            await asyncio.wait_for(_until(lambda: server.started), 10)
            async with connect(
                address.replace("http", "ws") + "/live",
                origin=address,  # type: ignore[arg-type]
                additional_headers={"Cookie": person.cookie},
                proxy=None,
            ) as connection:
                live = LiveClient(connection)
                await live.subscribe(1, "user")
                await live.until_shown(1, lambda data: data["name"] == "Alice")
                async with store.writing() as writing:
                    name = {"$set": {"name": "Alicia"}}
                    await writing.update_one("user", {"_id": person.id}, name)
                await live.until_shown(1, lambda data: data["name"] == "Alicia")
                async with store.writing() as writing:
                    await writing.delete_one("session", {"_id": person.session_id})
                assert await ended(live) == ("revoked", 4401)
            server.should_exit = True
