"""What is said over the live wire, and what it costs others (lines WS-08 to WS-18, DO-01)."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

from sessionwire.policy.limits import Limits
from support.edge import edge
from support.people import add_organization, add_person
from support.raw import UPGRADE, Answer, ask, line_to, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge
    from support.server import LiveClient

INTERNALS = re.compile(r"Traceback|File \"|pymongo|bson|mongodb|Exception|0x[0-9a-f]{6}", re.I)


@pytest.fixture(scope="module")
async def server(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as running:
        yield running


async def shake(server: Edge, *fields: tuple[str, str], path: str = "/live") -> Answer:
    answer = await ask(server.address, request(path, *UPGRADE.items(), *fields))
    assert answer is not None
    return answer


# WS-10: sizes


def frame(opcode: int, payload: bytes, *, final: bool = True, declared: int | None = None) -> bytes:
    """A masked frame of a client, which may declare another length than it has."""
    length = len(payload) if declared is None else declared
    first = (0x80 if final else 0) | opcode
    if length < 126:
        head = struct.pack("!BB", first, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, length)
    return head + b"\0\0\0\0" + payload


async def close_code(server: Edge, *frames: bytes) -> int:
    """With which code the server closes after these frames."""
    async with line_to(server.address) as line:
        line.send(request("/live", *UPGRADE.items(), ("Origin", server.address)))
        answer = await line.answer()
        assert answer is not None and answer.status == 101
        for each in frames:
            line.send(each)
        async with asyncio.timeout(10):
            while True:
                first, second = await line.reader.readexactly(2)
                length = second & 0x7F
                if length == 126:
                    (length,) = struct.unpack("!H", await line.reader.readexactly(2))
                payload = await line.reader.readexactly(length)
                if first & 0x0F == 8:
                    return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(1, b"", declared=16 * 1024 * 1024)], 1009),
        ([frame(1, b"", declared=2**62)], 1009),
        ([frame(1, b"a" * 9000, final=False), frame(0, b"a" * 9000)], 1009),
        ([frame(1, b"a", final=False), *[frame(0, b"a" * 1000, final=False)] * 20], 1009),
        ([frame(2, b"{}")], 1003),
        ([frame(1, b"\xff\xfe")], 1007),
        ([frame(3, b"")], 1002),
        ([b"\xc1\x82\0\0\0\0{}"], 1002),
        ([b"\x81\x02{}"], 1002),
    ],
    ids=["16 MiB", "2^62", "two parts", "many parts", "binary", "utf-8", "opcode", "rsv", "mask"],
)
async def test_ws_10_ws_16_what_no_client_sends_closes_at_once(
    server: Edge, frames: list[bytes], code: int
) -> None:
    assert await close_code(server, *frames) == code


# WS-12: floods


async def test_ws_12_a_flood_is_refused_and_delays_nobody_else(mongo: EmbeddedMongo) -> None:
    limits = Limits(frames_per_second=10, frames_burst=20, refused_frames=50)
    async with edge(mongo, limits=limits) as server:
        loud, quiet = await server.server.live(), await server.server.live()
        for _ in range(200):
            await loud.send(op="ping")
        await quiet.subscribe(1, "session")
        assert await quiet.until_shown(1, lambda data: True) is None
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await loud.receive()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 4400
        codes = [each.get("code") for each in loud.frames if each["op"] == "error"]
        assert codes and set(codes) == {"rate_limited"}
        await quiet.send(op="ping")
        await quiet.until(lambda frame: frame["op"] == "pong")


# WS-08, WS-17: what errors say


def awkward(foreign: Any, missing: Any) -> list[str]:
    """Messages that are refused, each for another reason."""
    pinned = [{"organization": str(each)} for each in (foreign, missing)]
    frames: list[Any] = [
        {"op": "subscribe", "id": 1, "query": "nope"},
        {"op": "subscribe", "id": 2, "query": "session", "args": {"x": 1}},
        {"op": "subscribe", "id": 3, "query": "organization", "args": pinned[0]},
        {"op": "subscribe", "id": 4, "query": "organization", "args": pinned[1]},
        {"op": "subscribe", "id": 5, "query": "session", "args": {"organization": {"$ne": None}}},
        {"op": "subscribe", "id": "x", "query": "session"},
        {"op": "subscribe", "id": 2**40, "query": "session"},
        {"op": "subscribe", "id": 6, "query": "session", "since": "no"},
        {"op": "subscribe", "id": 7, "query": "session", "userId": str(foreign)},
        {"op": "eval", "id": 8},
        [],
    ]
    return [*map(json.dumps, frames), "{", "[" * 100, '{"op":"ping","op":"ping"}', "null", "1e999"]


async def test_ws_08_ws_17_errors_are_stable_codes_and_tell_nothing_of_others(
    server: Edge,
) -> None:
    alice = await add_person(server.store, server.settings, "Alice")
    mallory = await add_person(server.store, server.settings, "Mallory")
    foreign = await add_organization(server.store, "Canary", {alice.id: "owner"})
    live = await server.server.live(cookie=mallory.cookie)
    for text in awkward(foreign, mallory.id):
        await live.connection.send(text)
    await live.send(op="ping")
    await live.until(lambda frame: frame["op"] == "pong")
    await live.until_shown(3, lambda data: True)
    await live.until_shown(4, lambda data: True)
    told = json.dumps(live.frames)
    assert not INTERNALS.search(told)
    for secret in ("Canary", str(alice.id), str(foreign), str(alice.session_id)):
        assert secret not in told
    assert live.shows[3] == live.shows[4]
    refused = [frame["code"] for frame in live.frames if frame["op"] == "error"]
    assert len(refused) == 14 and all(re.fullmatch(r"[a-z_]+", code) for code in refused)


async def test_ws_17_refused_handshakes_say_a_code_and_nothing_else(server: Edge) -> None:
    for fields in (
        [("Origin", "https://evil.test")],
        [("Origin", server.address), ("Sec-WebSocket-Protocol", "x")],
        [("Cookie", "a=b")],
    ):
        answer = await shake(server, *fields)
        assert set(json.loads(answer.body)) == {"code", "message"}
        assert not INTERNALS.search(answer.body.decode())


# DO-01: what costs somebody else


async def test_do_01_a_refused_handshake_costs_the_database_nothing(server: Edge) -> None:
    async def commands() -> int:
        status = await server.store.client.admin.command("serverStatus")
        return sum(int(status["opcounters"][kind]) for kind in ("query", "insert", "update"))

    before = await commands()
    for _ in range(100):
        assert (await shake(server, ("Origin", "https://evil.test"))).status == 403
    assert await commands() - before < 20  # its own stream and heartbeats


async def test_do_01_bad_handshakes_do_not_keep_a_healthy_socket_waiting(server: Edge) -> None:
    """Each answer of the healthy one comes within the time of a few refusals, not of all."""
    live = await server.server.live()
    done = 0

    async def flood() -> None:
        nonlocal done
        for _ in range(60):
            await shake(server, ("Origin", "https://evil.test"))
            done += 1

    async def healthy(live: LiveClient) -> list[int]:
        waited = []
        while done < 400:
            before = done
            await live.send(op="ping")
            await live.until(lambda frame: frame["op"] == "pong")
            waited.append(done - before)
            await asyncio.sleep(0.01)  # a healthy one pings now and then
        return waited

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(flood())
        pinging = group.create_task(healthy(live))
    waited = sorted(pinging.result())
    assert len(waited) >= 5
    assert waited[len(waited) // 2] <= 40
