"""A reverse proxy that is set up wrongly: it passes HTTP and sockets on, but for what it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["Proxy", "proxied"]

Heads = list[tuple[str, str]]


@dataclass
class Proxy:
    """What it breaks. Names of headers in lower case."""

    drops: tuple[str, ...] = ()
    """Of requests."""
    sets: dict[str, str] = field(default_factory=dict)
    """In requests, in place of what was there."""
    answer: Callable[[str, Heads], Heads] = lambda _, heads: heads
    """What becomes of the headers of an answer to this path."""
    idle: float | None = None
    """Seconds of silence from the client after which it cuts."""
    cache: bool = False
    """Whether it answers a GET of the same path from memory."""
    blocks: tuple[str, ...] = ()
    """Paths that it answers 404 itself."""
    blind: bool = False
    """Whether sockets, and only they, lose their cookie."""
    swallows: bool = False
    """Whether nothing comes back on a socket after the upgrade."""
    kept: dict[str, bytes] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def proxied(address: str, proxy: Proxy, *, tls: Path | None = None) -> AsyncIterator[str]:
    """Its own address, in front of this one, until the block ends."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
    upstream = urlsplit(address)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                await _exchange(reader, writer, proxy, upstream.hostname, upstream.port)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    proxy: Proxy,
    host: str | None,
    port: int | None,
) -> None:
    """One request, or one socket: the connection ends with it."""
    first, heads = await _head(reader)
    path = first.split(" ")[1]
    if path.partition("?")[0] in proxy.blocks:
        writer.write(b"HTTP/1.1 404 Not Found\r\nserver: broken\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        return
    if proxy.cache and first.startswith("GET") and path in proxy.kept:
        writer.write(proxy.kept[path])
        await writer.drain()
        return
    length = int(dict(heads).get("content-length", "0"))
    body = await reader.readexactly(length)
    sent = [(name, value) for name, value in heads if name not in proxy.drops]
    sent = [(name, proxy.sets.get(name, value)) for name, value in sent]
    is_upgrade = "upgrade" in dict(sent).get("connection", "").lower()
    if is_upgrade and proxy.blind:
        sent = [(name, value) for name, value in sent if name != "cookie"]
    if not is_upgrade:
        sent = [(name, value) for name, value in sent if name != "connection"]
        sent.append(("connection", "close"))
    behind_reader, behind = await asyncio.open_connection(host, port)
    try:
        behind.write(_bytes(first, sent) + body)
        status, said = await _head(behind_reader)
        answer = _bytes(status, proxy.answer(path, said))
        writer.write(answer)
        if " 101 " in status:
            await _both(reader, writer, behind_reader, behind, proxy)
            return
        rest = await behind_reader.read()
        proxy.kept[path] = answer + rest
        writer.write(rest)
        await writer.drain()
    finally:
        behind.close()


async def _both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    behind_reader: asyncio.StreamReader,
    behind: asyncio.StreamWriter,
    proxy: Proxy,
) -> None:
    """Pass on until either side ends, or the client has been silent for too long."""
    async with asyncio.TaskGroup() as group:
        up = group.create_task(_pump(reader, behind, within=proxy.idle))
        down = group.create_task(_pump(behind_reader, None if proxy.swallows else writer))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        down.cancel()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None, within: float | None = None
) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        while True:
            async with asyncio.timeout(within):
                data = await reader.read(65536)
            if not data:
                return
            if writer is not None:
                writer.write(data)
                await writer.drain()


async def _head(reader: asyncio.StreamReader) -> tuple[str, Heads]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, [(name.strip().lower(), value.strip()) for name, _, value in pairs]


def _bytes(first: str, heads: Heads) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in heads)
    return f"{first}\r\n{lines}\r\n".encode("latin-1")
