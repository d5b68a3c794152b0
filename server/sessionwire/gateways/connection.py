"""The socket shell: moves frames between a WebSocket and a protocol, and keeps its deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from starlette.websockets import WebSocketDisconnect

from sessionwire.context import CONNECTION, REQUEST
from sessionwire.gateways.pulse import PERIOD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.websockets import WebSocket

    from sessionwire.gateways.pulse import Pulse
    from sessionwire.gateways.socket import LiveSocket
    from sessionwire.gateways.transport import Handover

__all__ = ["AwaitedConnection", "Connection", "DirectConnection", "End", "Wire", "return_after"]

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


class Connection(Protocol):
    """One accepted WebSocket. It knows nothing of what the frames say."""

    def wake(self) -> Callable[[], None] | None:
        """There may be something to send. Safe to call at any time, also before and after.

        What it returns writes it, and is to be called before anything else is done.
        """

    def stop(self) -> None:
        """The server is stopping: say goodbye and close; the peers come back one by one."""

    def is_paused(self) -> bool:
        """Whether the peer does not read what was sent."""


class DirectConnection:
    """A connection under our uvicorn protocol: no task of its own.

    Whoever wakes it writes its frames, those of many connections behind one another. A peer that
    does not read for `write_deadline` seconds is cut. `acted` is called after each message from the
    peer.
    """

    __slots__ = (
        "_acted",
        "_deadline",
        "_ended",
        "_frames",
        "_names",
        "_part",
        "_pulse",
        "_recheck",
        "_socket",
        "_stalled",
        "_wire",
    )

    def __init__(
        self, id: str, *, write_deadline: float, acted: Callable[[], None], pulse: Pulse
    ) -> None:
        self._names = (REQUEST.get(), id)
        self._acted = acted
        self._deadline = write_deadline
        self._pulse = pulse
        self._part = -1
        self._frames: Sequence[bytes] = ()
        self._wire: Wire | None = None
        self._socket: LiveSocket | None = None
        self._ended: Callable[[], None] | None = None
        self._recheck: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def start(self, handover: Handover, wire: Wire, *, ended: Callable[[], None]) -> None:
        """Serve an accepted socket until either side ends it; then call `ended`."""
        self._wire, self._ended = wire, ended
        wire.open()
        self._socket = handover.take(self)
        if self._socket is None:
            self.left()
        elif self._wire is not None:  # else it has ended by what had arrived already
            self._part = self._pulse.add(self)
            self._tell()

    def is_paused(self) -> bool:
        return self._socket is not None and self._socket.paused

    def wake(self) -> Callable[[], None] | None:
        wire, live = self._wire, self._socket
        if wire is None or live is None or live.closed:
            return None
        now, wall = time.monotonic(), datetime.now(UTC)
        if live.paused:
            self._stall(live)
            if wire.over(wall=wall):
                wire.take(now=now, wall=wall)  # it does not read, and must not be told more
                live.abort()
            self._arm(wire.recheck_in(now=now, wall=wall))
            return None
        self._frames = wire.take(now=now, wall=wall)
        self._arm(wire.recheck_in(now=now, wall=wall))
        return self._write if self._frames or wire.close is not None else None

    def _write(self) -> None:
        wire, live = self._wire, self._socket
        frames, self._frames = self._frames, ()
        if wire is None or live is None:
            return
        for frame in frames:
            live.send(frame)
        if wire.close is not None:
            live.close(wire.close.code, wire.close.reason)
        elif live.paused:
            self._stall(live)

    def _tell(self) -> None:
        write = self.wake()
        if write is not None:
            write()

    def stop(self) -> None:
        if self._wire is not None:
            self._wire.end("shutdown", after=return_after())
            self._tell()

    def beat(self) -> None:
        """Find a peer that is gone without a word, and look at the clock for the wire."""
        if self._socket is not None and not self._socket.ping():
            self._socket.close(1011, "keepalive ping timeout")
        self._tell()

    def _stall(self, live: LiveSocket) -> None:
        if self._stalled is None:
            loop = asyncio.get_running_loop()
            self._stalled = loop.call_later(self._deadline, self._evict, live)

    def _evict(self, live: LiveSocket) -> None:
        if self._wire is not None:
            self._wire.end("slow")
        live.abort()

    def _arm(self, seconds: float | None) -> None:
        """What is later than the next beat needs no timer."""
        if self._recheck is not None:
            self._recheck.cancel()
            self._recheck = None
        if seconds is not None and seconds < PERIOD:
            self._recheck = asyncio.get_running_loop().call_later(seconds, self._tell)

    # Told by the socket

    def received(self, text: str) -> None:
        if self._wire is not None:
            with self._named():
                self._wire.receive(text, now=time.monotonic())
                self._tell()
                self._acted()

    def resumed(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        self._tell()

    def left(self) -> None:
        wire, self._wire = self._wire, None
        ended, self._ended = self._ended, None
        for timer in (self._recheck, self._stalled):
            if timer is not None:
                timer.cancel()
        self._pulse.remove(self, self._part)
        self._socket = None
        if wire is not None and ended is not None:
            with self._named():
                wire.lost()
                ended()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Log lines of the block name the handshake and the connection."""
        tokens = REQUEST.set(self._names[0]), CONNECTION.set(self._names[1])
        try:
            yield
        finally:
            REQUEST.reset(tokens[0])
            CONNECTION.reset(tokens[1])


class AwaitedConnection:
    """A connection under any other ASGI server: one task reads, another one writes.

    A peer that does not read for `write_deadline` seconds is cut, as far as the server lets us.
    """

    def __init__(
        self, websocket: WebSocket, *, write_deadline: float, acted: Callable[[], None]
    ) -> None:
        self._websocket = websocket
        self._acted = acted
        self._deadline = write_deadline
        self._wire: Wire | None = None
        self._woken = asyncio.Event()

    def is_paused(self) -> bool:
        return False

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        if self._wire is not None:
            self._wire.end("shutdown", after=return_after())
            self.wake()

    async def run(self, wire: Wire) -> None:
        """Serve an accepted socket until either side ends it."""
        self._wire = wire
        try:
            wire.open()
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(wire))
                writer = group.create_task(self._write(wire))
                self.wake()
                await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
                reader.cancel()
                writer.cancel()
        finally:
            wire.lost()
            self._wire = None

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
