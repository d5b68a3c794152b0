"""Who may open a live connection, and as whom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sessionwire.policy.limits import Limits
from support.people import add_person
from support.server import run_server

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def refused(
    server: Running, *, origin: str | None = "", cookie: str | None = None, **headers: str
) -> tuple[int, str]:
    """Status and code of the answer to a handshake that has to be refused."""
    headers |= UPGRADE
    if origin is not None:
        headers["Origin"] = origin or server.address
    if cookie is not None:
        headers["Cookie"] = cookie
    async with httpx.AsyncClient(base_url=server.address) as http:
        response = await http.get("/live", headers=headers)
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    "change",
    [
        lambda own: own.replace("http", "https"),
        lambda own: own + "1",
        lambda own: own + ".evil.test",
        lambda own: own.rpartition(":")[0],
        lambda own: own.replace("127.0.0.1", "127.0.0.1."),
        lambda own: own.replace("//", "//user@"),
        lambda own: own + "/",
        lambda own: own.upper(),
        lambda own: "https://evil.test",
    ],
)
async def test_a_foreign_origin_is_refused(server: Running, change: Any) -> None:
    assert await refused(server, origin=change(server.address)) == (403, "INVALID_ORIGIN")


async def test_a_null_origin_is_refused(server: Running) -> None:
    assert await refused(server, origin="null") == (403, "MISSING_OR_NULL_ORIGIN")


async def test_localhost_is_ourselves_in_development(server: Running) -> None:
    await server.live(origin=server.address.replace("127.0.0.1", "localhost"))


async def test_ws_02_a_cookie_needs_an_origin(
    server: Running, store: Store, settings: Settings
) -> None:
    person = await add_person(store, settings, "Alice")
    code = await refused(server, cookie=person.cookie, origin=None)
    assert code == (403, "MISSING_OR_NULL_ORIGIN")


async def test_a_program_presents_a_bearer(
    server: Running, store: Store, settings: Settings
) -> None:
    person = await add_person(store, settings, "Alice")
    bearer = {"Authorization": "Bearer " + person.cookie.partition("=")[2]}
    async with connect(
        server.address.replace("http", "ws") + "/live", additional_headers=bearer, proxy=None
    ) as connection:
        from support.server import LiveClient

        live = LiveClient(connection)
        await live.subscribe(1, "user")
        await live.until_shown(1, lambda data: data["name"] == "Alice")


async def test_a_foreign_subprotocol_is_refused(server: Running) -> None:
    offer = {"Sec-WebSocket-Protocol": "graphql-ws"}
    assert await refused(server, **offer) == (400, "INVALID_SUBPROTOCOL")


@pytest.mark.parametrize("cookie", ["x", "sessionwire.session_token=forged.AAAA", "=;;;", "é" * 99])
async def test_ws_03_a_worthless_cookie_is_signed_out(server: Running, cookie: str) -> None:
    live = await server.live(cookie=cookie.encode().decode("latin-1"))
    await live.subscribe(1, "session")
    assert await live.until_shown(1, lambda data: True) is None


async def test_an_ended_session_is_signed_out(
    server: Running, store: Store, settings: Settings
) -> None:
    person = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        await writing.delete_one("session", {"_id": person.session_id})
    live = await server.live(cookie=person.cookie)
    await live.subscribe(1, "session")
    assert await live.until_shown(1, lambda data: True) is None


async def test_a_handshake_waits_for_what_its_sender_has_seen(
    store: Store, settings: Settings
) -> None:
    """A process that lags must not take a session that another one has just begun for none."""
    impatient = settings.model_copy(update={"limits": Limits(read_deadline=0.1)})
    person = await add_person(store, settings, "Alice")
    ahead = f"{int(time.time()) + 20:08x}00000001"
    async with run_server(impatient) as server:
        answer = await refused(server, cookie=person.cookie, **{"Sessionwire-Version": ahead})
    assert answer == (503, "SERVICE_UNAVAILABLE")


async def test_no_deflate_is_negotiated(server: Running) -> None:
    live = await server.live()
    assert "Sec-WebSocket-Extensions" not in live.connection.response.headers  # type: ignore[union-attr]
    assert "Server" not in live.connection.response.headers  # type: ignore[union-attr]


async def test_ws_13_connections_are_limited_per_user_and_address_and_freed_again(
    store: Store, settings: Settings
) -> None:
    limits = Limits(connections_per_user=2, connections_per_address=3, connections=50)
    limited = settings.model_copy(update={"limits": limits})
    person = await add_person(store, settings, "Alice")
    async with run_server(limited) as server:
        first = await server.live(cookie=person.cookie)
        await server.live(cookie=person.cookie)
        full = (429, "TOO_MANY_CONNECTIONS")
        assert await refused(server, cookie=person.cookie) == full
        await server.live()
        assert await refused(server) == full
        async with server.http() as http:
            assert (await http.get("/api/auth/ok")).status_code == 200
        await first.connection.close()
        await server.live(cookie=person.cookie)


async def test_a_frame_over_the_limit_closes_the_connection(server: Running) -> None:
    live = await server.live()
    await live.receive()
    await live.connection.send("x" * 17_000)
    with pytest.raises(ConnectionClosed) as caught:
        await live.receive()
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009


async def test_a_binary_frame_closes_the_connection(server: Running) -> None:
    live = await server.live()
    await live.receive()
    await live.connection.send(b"{}")
    with pytest.raises(ConnectionClosed) as caught:
        await live.receive()
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1003
