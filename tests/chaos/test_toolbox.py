"""The faults themselves: each does what its name says, else no other test here means anything."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from chaos.frames import Tamper
from chaos.proxy import Proxy, proxying
from support.process import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[Proxy]:
    """A proxy to a server that repeats everything, and ends when its peer does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1024):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, proxying(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def line(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_what_is_held_arrives_after_the_release_and_nobody_is_told_meanwhile() -> None:
    async with echo() as proxy, line(proxy) as (reader, writer):
        proxy.hold()
        writer.write(b"late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        assert proxy.links == 1
        proxy.release()
        assert await reader.readexactly(4) == b"late"


async def test_what_is_held_tells_nobody_of_a_reset_either() -> None:
    async with echo() as proxy, line(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.hold()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await asyncio.sleep(0.2)
        assert proxy.links == 1
        proxy.release()
        await eventually(lambda: proxy.links == 0)


async def test_a_cut_is_a_reset() -> None:
    async with echo() as proxy, line(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)


async def test_a_half_close_is_an_end_on_both_sides() -> None:
    async with echo() as proxy, line(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.half_close()
        assert await reader.read() == b""


async def test_who_is_refused_is_refused_until_it_listens_again() -> None:
    async with echo() as proxy:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            async with line(proxy):
                pass
        await proxy.listen()
        async with line(proxy) as (reader, writer):
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"


async def test_delay_and_rate_take_their_time() -> None:
    async with echo() as proxy, line(proxy) as (reader, writer):
        proxy.up.delay, proxy.down.rate = 0.1, 20
        began = time.monotonic()
        writer.write(b"123456")
        assert await reader.readexactly(6) == b"123456"
        assert time.monotonic() - began >= 0.3


def test_a_tamper_edits_text_frames_and_nothing_else() -> None:
    """Whatever the pieces in which the bytes come."""
    long = b"x" * 300
    sent = b"HTTP/1.1 101 X\r\nA: b\r\n\r\n\x81\x01a\x89\x00\x81\x7e\x01\x2c" + long + b"\x81\x01c"
    for step in (1, 7, len(sent)):
        tamper = Tamper(lambda number, payload: [b"b", payload] if number == 1 else [])
        out = [tamper(sent[start : start + step]) for start in range(0, len(sent), step)]
        assert b"".join(piece for pieces in out for piece in pieces) == (
            b"HTTP/1.1 101 X\r\nA: b\r\n\r\n\x89\x00\x81\x01b\x81\x7e\x01\x2c" + long
        )
