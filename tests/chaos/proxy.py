"""A TCP proxy on loopback that does to connections what networks do to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Proxy", "Way", "proxying"]

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Way:
    """One direction of all connections, from now on.

    `hold` is a cable that was pulled: nothing comes through, nobody is told, and what was on its
    way arrives after `release`. `edit` makes, for each connection, what
    turns the pieces that come into those that are passed on.
    """

    delay: float = 0.0
    """Seconds that each piece is late."""
    rate: int | None = None
    """Bytes per second."""
    edit: Callable[[], Callable[[bytes], list[bytes]]] | None = None
    passed: int = 0
    """Bytes so far."""
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._flows.set()

    def hold(self) -> None:
        self._flows.clear()

    def release(self) -> None:
        self._flows.set()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Everything that is read is written, then its end."""
        edit = _unedited if self.edit is None else self.edit()
        while data := await self._read(reader):
            await asyncio.sleep(self.delay)
            for piece in edit(data):
                await self._write(piece, writer)
        writer.write_eof()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """The next piece; while nothing comes through, no end and no reset does either."""
        try:
            return await reader.read(_CHUNK)
        finally:
            await self._flows.wait()

    async def _write(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        step = len(piece) if self.rate is None else max(1, self.rate // 10)
        for start in range(0, len(piece), step or 1):
            await self._flows.wait()
            writer.write(piece[start : start + step])
            self.passed += len(piece[start : start + step])
            await writer.drain()
            if self.rate is not None:
                await asyncio.sleep(0.1)


class Proxy:
    """Listens at `port`, and connects whoever comes to the target."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.up = Way()
        """From who connects to the target."""
        self.down = Way()
        self.accepted = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @property
    def links(self) -> int:
        """How many connections there are."""
        return len(self._links)

    async def listen(self) -> None:
        """Accept, on the same port as before."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """From now on connections are refused; those that there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def hold(self) -> None:
        """Nothing comes through in either direction, and nobody is told (no FIN, no RST)."""
        self.up.hold()
        self.down.hold()

    def release(self) -> None:
        self.up.release()
        self.down.release()

    def cut(self) -> None:
        """Reset every connection that there is."""
        for writers in list(self._links.values()):
            for writer in writers:
                _reset(writer)

    def half_close(self) -> None:
        """Tell both ends of every connection that the other one will say nothing more."""
        for writers in list(self._links.values()):
            for writer in writers:
                with contextlib.suppress(OSError, RuntimeError):  # it ended by itself
                    writer.write_eof()

    async def close(self) -> None:
        self.refuse()
        self.release()
        tasks = list(self._links)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, of our own or of another listener, until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._links[task] = (writer,)
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._links[task] = (writer, target_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.up.pump(reader, target_writer))
                group.create_task(self.down.pump(target_reader, writer))
        except* (OSError, RuntimeError, asyncio.CancelledError):
            pass  # RuntimeError: written to after a half close
        finally:
            for each in self._links.pop(task):
                _reset(each)


def _unedited(data: bytes) -> list[bytes]:
    return [data]


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST rather than FIN; an ended connection has nothing to reset."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def proxying(target: int) -> AsyncIterator[Proxy]:
    """A proxy for the port of 127.0.0.1, until the block ends."""
    proxy = Proxy(target)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
