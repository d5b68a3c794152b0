"""Peers that read slowly, not at all, or are not there any more (I18, I19, I20)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from chaos.seeds import longer
from chaos.site import SHORT, Site, site
from chaos.witness import Witness, witness
from sessionwire.gateways.socket import CLOSE_TIMEOUT, LiveSocket
from support.process import eventually
from support.raw import UPGRADE, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.reactive.view import Context
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

LARGE = 40_000
IMPATIENT = SHORT.model_copy(update={"write_deadline": 1.0})


def blob(ctx: Context) -> dict[str, Any]:
    """Some kilobytes that say when they were written."""
    document = ctx.get("blob", 1)
    return {} if document is None else {"n": document["n"], "text": document["text"]}


async def publish(store: Store, n: int, *, size: int = LARGE) -> None:
    change = {"$set": {"n": n, "text": "x" * size}}
    async with store.writing() as writing:
        await writing.update_one("blob", {"_id": 1}, change, upsert=True)


@contextlib.asynccontextmanager
async def place_with(data: tuple[Store, Settings], **changed: Any) -> AsyncIterator[Site]:
    limits = IMPATIENT.model_copy(update=changed)
    async with site(*data, queries={"blob": blob}, limits=limits) as running:
        await publish(running.store, 0)
        yield running


@contextlib.asynccontextmanager
async def frozen(place: Site) -> AsyncIterator[socket.socket]:
    """A peer with a small buffer that subscribes, and never reads again."""
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.setblocking(False)
        await loop.sock_connect(peer, ("127.0.0.1", int(place.server.address.rpartition(":")[2])))
        shake = request("/live", *UPGRADE.items(), ("Origin", place.server.address))
        await loop.sock_sendall(peer, shake)
        await loop.sock_recv(peer, 4096)
        text = b'{"op":"subscribe","id":1,"query":"blob"}'
        await loop.sock_sendall(peer, bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
        yield peer


def connections(place: Site) -> int:
    return place.server.wire.relay.hub.connections


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def delays(place: Site, lives: list[Witness], *, rounds: int, begin: int) -> list[float]:
    """How long each change took to each reader, sorted."""
    found = []
    for n in range(begin, begin + rounds):
        before = time.monotonic()
        await publish(place.store, n)
        for live in lives:
            await live.until_shown(0, lambda data, n=n: data.get("n") == n, within=5)  # type: ignore[misc]
            found.append(next(t.at for t in reversed(live.told)) - before)
    return sorted(found)


async def test_i18_who_does_not_read_delays_nobody(data: tuple[Store, Settings]) -> None:
    """Nothing that a reader is sent waits for another one."""
    async with contextlib.AsyncExitStack() as stack:
        place = await stack.enter_async_context(place_with(data, write_deadline=30.0))
        lives = [
            await stack.enter_async_context(witness(place.server.address, "blob"))
            for _ in range(30)
        ]
        for live in lives:
            await live.until_shown(0)
        usual = await delays(place, lives, rounds=longer(10), begin=1)
        for _ in range(10):
            await stack.enter_async_context(frozen(place))
        await eventually(lambda: connections(place) == 40)
        beside = await delays(place, lives, rounds=longer(10), begin=10_000)
        at = len(usual) * 99 // 100
        assert connections(place) == 40, "the frozen ones were cut before they were measured"
        assert beside[at] <= max(2 * usual[at], usual[at] + 0.1), (usual[at], beside[at])


async def test_i19_who_does_not_read_is_bounded_and_then_cut(data: tuple[Store, Settings]) -> None:
    async with place_with(data) as place, contextlib.AsyncExitStack() as stack:
        before = descriptors()
        for _ in range(10):
            await stack.enter_async_context(frozen(place))
        await eventually(lambda: connections(place) == 10)
        began = time.monotonic()
        n = 0
        while connections(place):
            n += 1
            await publish(place.store, n)
            for transport in _transports():
                assert transport.get_write_buffer_size() < 2 * 64 * 1024 + LARGE
            assert time.monotonic() - began < 10, "it is still there"
        await eventually(lambda: not _transports())
        await stack.aclose()
        await eventually(lambda: descriptors() < before + 10)


def _transports() -> list[Any]:
    """Those of the sockets that uvicorn still counts, whatever has become of their connections."""
    sockets = [each for each in gc.get_objects() if isinstance(each, LiveSocket)]
    return [each._transport for each in sockets if each in each._connections]


async def test_i19_a_trickle_does_not_keep_a_peer_alive(data: tuple[Store, Settings]) -> None:
    """It acknowledges some bytes now and then, which TCP takes for life."""
    async with place_with(data) as place:
        place.door.down.rate = 200
        async with witness(place.server.address, "blob", port=place.door.port):
            await eventually(lambda: connections(place) == 1)
            began, n = time.monotonic(), 0
            while connections(place):
                n += 1
                await publish(place.store, n)
                assert time.monotonic() - began < 20, "it is still there"


async def test_i19_who_reads_slowly_but_reads_is_kept_and_gets_the_last_state(
    data: tuple[Store, Settings],
) -> None:
    async with place_with(data, write_deadline=2.0) as place:
        place.door.down.rate = 400_000
        async with witness(place.server.address, "blob", port=place.door.port) as live:
            await live.until_shown(0)
            for n in range(1, 101):
                await publish(place.store, n)
            await live.until_shown(0, lambda data: data.get("n") == 100)
            assert 2 < len(live.updates) < 95, "nothing was skipped: it was not slow"
            assert live.monotonic()


# I20


@pytest.fixture
def pinging(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ping every second, and a second for its answer."""
    monkeypatch.setattr("sessionwire.gateways.pulse.PERIOD", 1)


@pytest.mark.usefixtures("pinging")
@pytest.mark.parametrize("pending", [0, 10_000, 500_000], ids=["idle", "little", "much"])
async def test_i20_a_peer_that_is_gone_without_a_word_is_freed(
    data: tuple[Store, Settings], pending: int
) -> None:
    """Idle; with what fits into the buffers of the kernel and the transport; with more."""
    async with place_with(data, write_deadline=1.5) as place:
        async with witness(place.server.address, "blob", port=place.door.port) as live:
            await live.until_shown(0)
            place.door.hold()
            began = time.monotonic()
            for n in range(1, pending // LARGE + 2 if pending else 1):
                await publish(place.store, n, size=min(pending, LARGE))
            await eventually(lambda: connections(place) == 0, within=6)
            assert time.monotonic() - began < 1.0 + 1.0 + CLOSE_TIMEOUT + 2


_CLIENT = """
import socket, sys, time
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
print(peer.recv(100), flush=True)
time.sleep(60)
"""


@pytest.mark.usefixtures("pinging")
async def test_i20_a_process_that_stands_still_is_freed(data: tuple[Store, Settings]) -> None:
    """Its kernel acknowledges everything; only the missing pong tells."""
    async with place_with(data) as place:
        port = place.server.address.rpartition(":")[2]
        shake = request("/live", *UPGRADE.items(), ("Origin", place.server.address))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CLIENT, port, shake.decode().encode("unicode_escape"),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            assert b"101" in await process.stdout.readline()
            os.kill(process.pid, signal.SIGSTOP)
            await eventually(lambda: connections(place) == 0, within=4)
        finally:
            process.kill()
            await process.wait()


@pytest.mark.usefixtures("pinging")
@pytest.mark.parametrize("last", [b"", b"\xc1\x82\0\0\0\0{}", b"\x88\x82\0\0\0\0\x03\xe8"])
async def test_i20_a_peer_that_left_while_it_was_told_goodbye_is_freed(
    data: tuple[Store, Settings], last: bytes
) -> None:
    """Little is unsent, so that nothing is paused; the close would wait for it.

    After no answer to a ping, after a bad frame, and after the peer's own close.
    """
    async with place_with(data, write_deadline=30.0) as place:
        async with frozen(place) as peer:
            await eventually(lambda: connections(place) == 1)
            n = 0
            while not (unsent := sum(each.get_write_buffer_size() for each in _transports())):
                n += 1
                await publish(place.store, n, size=20_000)
                assert n < 100, "it reads, or was cut too early"
            assert unsent < 64 * 1024, "the connection is paused, and has a deadline"
            peer.send(last)
            await eventually(lambda: not _transports(), within=6)
            assert connections(place) == 0
            assert peer.fileno() > 0
