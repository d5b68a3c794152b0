"""The socket shell: moves frames between a WebSocket and a protocol, and keeps its deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from starlette.websockets import WebSocketDisconnect

from sessionwire.gateways.transport import EXTENSION, DirectTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

__all__ = ["Connection", "End", "Wire", "return_after"]

_RETURN_SPREAD = 5.0
"""Seconds over which clients come back after a restart, so that they do not come all at once."""


def return_after() -> int:
    """In how many milliseconds a client that is sent away is to come back."""
    return int(random.uniform(0, _RETURN_SPREAD) * 1000)


class End(Protocol):
    """How a wire wants its socket closed."""

    @property
    def code(self) -> int: ...

    @property
    def reason(self) -> str: ...


class Wire(Protocol):
    """A sans-I/O protocol as the shell drives it."""

    @property
    def close(self) -> End | None: ...

    def open(self) -> None: ...

    def receive(self, text: str, *, now: float) -> None: ...

    def take(self, *, now: float, wall: datetime) -> list[bytes]: ...

    def over(self, *, wall: datetime) -> bool: ...

    def recheck_in(self, *, now: float, wall: datetime) -> float | None: ...

    def end(self, reason: str, *, after: int | None = None) -> None: ...

    def lost(self) -> None: ...


class Connection:
    """One accepted WebSocket.

    Under our uvicorn protocol, frames are written as soon as they are known, by whoever wakes the
    connection; elsewhere a task sends them. A peer that does not read for `write_deadline` seconds
    is cut. `acted` is called after each message from the peer. It knows nothing of what the frames
    say.
    """

    def __init__(
        self, websocket: WebSocket, *, write_deadline: float, acted: Callable[[], None]
    ) -> None:
        self._websocket = websocket
        self._acted = acted
        self._deadline = write_deadline
        self._wire: Wire | None = None
        self._direct: DirectTransport | None = websocket.scope.get("extensions", {}).get(EXTENSION)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._recheck: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def paused(self) -> bool:
        """Whether the peer does not read what was sent."""
        return self._direct is not None and self._direct.paused

    def wake(self) -> None:
        """There may be something to send. Safe to call at any time, also before and after `run`."""
        if self._wire is None:
            return
        if self._direct is None:
            self._woken.set()
        else:
            self._flush(self._direct)

    def stop(self) -> None:
        """The server is stopping: say goodbye and close; the peers come back one by one."""
        if self._wire is not None:
            self._wire.end("shutdown", after=return_after())
            self.wake()

    async def run(self, wire: Wire) -> None:
        """Serve an accepted socket until either side ends it."""
        self._wire = wire
        try:
            wire.open()
            if self._direct is not None:
                self._direct.on_resume = self._resumed
                self._direct.on_shutdown = self.stop
                self.wake()
                await self._read(wire)
            else:
                await self._read_and_write(wire)
        finally:
            wire.lost()
            self._wire = None
            for timer in (self._recheck, self._stalled):
                if timer is not None:
                    timer.cancel()

    async def _read(self, wire: Wire) -> None:
        """Always reading: uvicorn stops answering pings for an endpoint that does not."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self._websocket.close(1003)
                return
            wire.receive(text, now=time.monotonic())
            self.wake()
            self._acted()

    # Under our uvicorn protocol

    def _flush(self, direct: DirectTransport) -> None:
        wire = self._wire
        if wire is None or direct.closed:
            return
        now, wall = time.monotonic(), datetime.now(UTC)
        if direct.paused:
            self._stall(direct)
            if wire.over(wall=wall):
                wire.take(now=now, wall=wall)  # it does not read, and must not be told more
                direct.abort()
            return
        for frame in wire.take(now=now, wall=wall):
            direct.send(frame)
        if wire.close is not None:
            direct.close(wire.close.code, wire.close.reason)
            return
        if direct.paused:
            self._stall(direct)
        self._arm(wire.recheck_in(now=now, wall=wall))

    def _stall(self, direct: DirectTransport) -> None:
        if self._stalled is None:
            self._stalled = self._loop.call_later(self._deadline, self._evict, direct)

    def _evict(self, direct: DirectTransport) -> None:
        if self._wire is not None:
            self._wire.end("slow")
        direct.abort()

    def _resumed(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        self.wake()

    def _arm(self, seconds: float | None) -> None:
        if self._recheck is not None:
            self._recheck.cancel()
        self._recheck = None if seconds is None else self._loop.call_later(seconds, self.wake)

    # On any other server

    async def _read_and_write(self, wire: Wire) -> None:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(wire))
            writer = group.create_task(self._write(wire))
            self.wake()
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            reader.cancel()
            writer.cancel()

    async def _write(self, wire: Wire) -> None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            while wire.close is None:
                await self._wait(wire)
                for frame in wire.take(now=time.monotonic(), wall=datetime.now(UTC)):
                    async with asyncio.timeout(self._deadline):
                        await self._websocket.send_text(frame.decode())
            async with asyncio.timeout(self._deadline):
                await self._websocket.close(wire.close.code, wire.close.reason)

    async def _wait(self, wire: Wire) -> None:
        wait = wire.recheck_in(now=time.monotonic(), wall=datetime.now(UTC))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()
        self._woken.clear()
