"""The live wire's handshake and channel, where no other test proves it (lines WS-01 to WS-20).

Which test proves which line stands in docs/security.md.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.policy.limits import Limits
from sessionwire.serving import uvicorn_config
from support.edge import edge
from support.people import add_person
from support.raw import UPGRADE, Answer, ask, line_to, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store
    from support.edge import Edge
    from support.people import Person


@pytest.fixture(scope="module")
async def server(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as running:
        yield running


async def shake(server: Edge, *fields: tuple[str, str], path: str = "/live") -> Answer:
    answer = await ask(server.address, request(path, *UPGRADE.items(), *fields))
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    "made_of",
    [
        "https://evil.test",
        "{own}.evil.test",
        "https://{host}",
        "http://127.0.0.1",
        "{own}1",
        "http://{host}.",
        "HTTP://{host}",
        "http://user@{host}",
        "{own}/",
        "{own} https://evil.test",
        "null",
        "",
    ],
)
async def test_ws_01_an_origin_that_is_not_ours_letter_by_letter_is_403(
    server: Edge, made_of: str
) -> None:
    host = server.address.removeprefix("http://")
    origin = made_of.format(own=server.address, host=host)
    person = await add_person(server.store, server.settings, "Alice")
    for fields in ([("Origin", origin)], [("Origin", origin), ("Cookie", person.cookie)]):
        assert (await shake(server, *fields)).status == 403


async def test_ws_01_two_origins_are_none(server: Edge) -> None:
    both = [("Origin", server.address), ("Origin", "https://evil.test")]
    for fields in (both, both[::-1]):
        answer = await shake(server, *fields)
        assert (answer.status, answer.code) == (400, "INVALID_HANDSHAKE")
        assert answer.headers["x-content-type-options"] == "nosniff"


# WS-04: one verdict for both wires


async def _expired(store: Store, person: Person) -> None:
    await _set(store, "session", person.session_id, expiresAt=datetime.now(UTC) - timedelta(days=1))


async def _revoked(store: Store, person: Person) -> None:
    async with store.writing() as writing:
        await writing.delete_one("session", {"_id": person.session_id})


async def _deleted(store: Store, person: Person) -> None:
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": person.id})


async def _banned(store: Store, person: Person) -> None:
    await _set(store, "user", person.id, banned=True)


async def _endless(store: Store, person: Person) -> None:
    await _set(store, "session", person.session_id, expiresAt=None)


async def _nobodys(store: Store, person: Person) -> None:
    await _set(store, "session", person.session_id, userId=None)


async def _too_old(store: Store, person: Person) -> None:
    await _set(
        store, "session", person.session_id, createdAt=datetime.now(UTC) - timedelta(days=400)
    )


async def _untouched(store: Store, person: Person) -> None:
    return


async def _set(store: Store, collection: str, id: Any, **fields: Any) -> None:
    async with store.writing() as writing:
        assert await writing.update_one(collection, {"_id": id}, {"$set": fields})


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        (_untouched, True),
        (_expired, False),
        (_revoked, False),
        (_deleted, False),
        (_banned, False),
        (_endless, False),
        (_nobodys, False),
        (_too_old, False),
    ],
)
async def test_ws_04_a_session_stands_on_both_wires_or_on_none(
    server: Edge, change: Any, stands: bool
) -> None:
    person = await add_person(server.store, server.settings, "Alice")
    await change(server.store, person)
    cookie = ("Cookie", person.cookie)
    read = await ask(server.address, request("/api/auth/get-session", cookie))
    assert read is not None and (json.loads(read.body) is not None) is stands
    live = await server.server.live(cookie=person.cookie)
    await live.subscribe(1, "session")
    shown = await live.until_shown(1, lambda data: True)
    assert (shown is not None) is stands


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:-1],
        lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"),
        lambda value: value + "=",
        lambda value: value.replace(".", "%2E"),
        lambda value: "x" + value[1:],
        lambda value: value.partition(".")[0],
        lambda value: value.partition(".")[0] + ".",
        lambda value: "." + value,
        lambda value: value * 100,
        lambda value: value + "é",
    ],
)
async def test_ws_04_a_spoiled_cookie_is_nobody_on_both_wires(server: Edge, spoil: Any) -> None:
    person = await add_person(server.store, server.settings, "Alice")
    name, _, value = person.cookie.partition("=")
    cookie = f"{name}={spoil(value)}"
    read = await ask(server.address, request("/api/auth/get-session", ("Cookie", cookie)))
    assert read is not None and read.status == 200 and json.loads(read.body) is None
    live = await server.server.live(cookie=cookie)
    await live.subscribe(1, "session")
    assert await live.until_shown(1, lambda data: True) is None


async def test_ws_11_ws_15_compression_is_off_and_dead_peers_are_pinged(server: Edge) -> None:
    config = uvicorn_config(server.server.wire, server.settings)
    assert 0 < (config.ws_ping_interval or 0) + (config.ws_ping_timeout or 0) <= 40
    offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
    answer = await shake(server, ("Origin", server.address), offer)
    assert answer.status == 101 and "sec-websocket-extensions" not in answer.headers


# WS-14, WS-19, WS-20: the handshake itself


async def test_ws_14_a_silent_connection_is_closed(mongo: EmbeddedMongo) -> None:
    async with edge(mongo, limits=Limits(head_deadline=0.25)) as server:
        async with line_to(server.address) as line:
            assert await line.ended(within=5)


async def test_ws_14_an_upgrade_that_cannot_be_answered_in_time_is_given_up(
    mongo: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*args: Any, **more: Any) -> Any:
        await asyncio.Event().wait()

    async with edge(mongo, limits=Limits(head_deadline=1.0)) as server:
        person = await add_person(server.store, server.settings, "Alice")
        monkeypatch.setattr(server.server.wire.relay, "read", stuck)
        answer = await shake(server, ("Origin", server.address), ("Cookie", person.cookie))
        assert (answer.status, answer.code) == (503, "SERVICE_UNAVAILABLE")
        assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("offered", ["graphql-ws", "sessionwire.v2", "SESSIONWIRE.V1", "x, y"])
async def test_ws_19_a_subprotocol_that_is_not_ours_is_refused_and_not_repeated(
    server: Edge, offered: str
) -> None:
    answer = await shake(server, ("Origin", server.address), ("Sec-WebSocket-Protocol", offered))
    assert answer.status == 400 and answer.code == "INVALID_SUBPROTOCOL"
    assert "sec-websocket-protocol" not in answer.headers


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/live", "GET", 101),
        ("/live?x=1", "GET", 101),
        ("/live/", "GET", 404),
        ("//live", "GET", 404),
        ("/LIVE", "GET", 404),
        ("/live/x", "GET", 404),
        ("/%6cive/", "GET", 404),
        ("/", "GET", 404),
        ("/api/auth/get-session", "GET", 404),
        ("/sessionwire/client/socket.js", "GET", 404),
        ("/live", "POST", 405),
        ("/live", "PUT", 405),
        ("/live", "OPTIONS", 405),
    ],
)
async def test_ws_20_an_upgrade_is_a_get_of_the_one_path(
    server: Edge, path: str, method: str, status: int
) -> None:
    fields = (*UPGRADE.items(), ("Origin", server.address))
    answer = await ask(server.address, request(path, *fields, method=method))
    assert answer is not None and answer.status == status
