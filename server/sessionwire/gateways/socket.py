"""A WebSocket after its handshake: text messages in, prepared frames out, and as little as that.

Ten thousand idle ones are what a server consists of. So it keeps no task, no queue, no request and
no timer; the parser of websockets is made when a frame is there, and dropped behind it
(docs/performance.md#memory).
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any, Protocol

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as Parser
from websockets.protocol import Side

if TYPE_CHECKING:
    from collections.abc import MutableSet

__all__ = ["CLOSE_TIMEOUT", "Conversation", "LiveSocket", "Receiver", "text_frame"]

CLOSE_TIMEOUT = 2.0
"""Seconds after which a peer that does not finish the closing handshake is cut."""
_logger = logging.getLogger("sessionwire.websocket")


class Receiver(Protocol):
    """Whom a socket tells what happens to it; `left` comes last, and once."""

    def received(self, text: str) -> None: ...

    def resumed(self) -> None:
        """It may be written to again."""

    def stop(self) -> None:
        """The server is stopping."""

    def left(self) -> None: ...


class Conversation(Parser):
    """websockets' protocol, and a close between the parts of a message.

    It may come there, as every control frame (RFC 6455, section 5.4); websockets takes it for an
    error, and answers 1002 where the peer's own code is due.
    """

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class LiveSocket(asyncio.Protocol):
    """One open connection. uvicorn counts it among its own while it is in `connections`.

    It decides nothing but what RFC 6455 does; a binary message ends it with 1003.
    """

    __slots__ = (
        "_buffer",
        "_closing",
        "_connections",
        "_max_size",
        "_parser",
        "_parts",
        "_ping",
        "_receiver",
        "_timer",
        "_transport",
        "paused",
    )

    def __init__(
        self, transport: Any, receiver: Receiver, *, connections: MutableSet[Any], max_size: int
    ) -> None:
        self.paused = False
        """Whether unsent bytes have piled up beyond the high-water mark."""
        self._transport = transport
        self._receiver: Receiver | None = receiver
        self._connections = connections
        self._max_size = max_size
        self._buffer = b""
        self._parser: Parser | None = None
        self._parts: list[bytes] = []
        self._ping: bytes | None = None
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def closed(self) -> bool:
        return self._closing or self._transport.is_closing()

    # Out

    def send(self, payload: bytes) -> None:
        """Write one text message; `payload` is UTF-8. Does nothing on a closed connection."""
        if not self.closed:
            self._transport.write(text_frame(payload))

    def ping(self) -> bool:
        """Ask for a sign of life; False when the last one asked for has not come."""
        if self._ping is not None:
            return False
        self._ping = os.urandom(4)
        if not self.closed:
            self._transport.write(Frame(Opcode.PING, self._ping).serialize(mask=False))
        return True

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; a peer that does not finish it within 2 seconds is cut."""
        if self.closed:
            return
        payload = Close(code, reason).serialize()
        self._transport.write(Frame(Opcode.CLOSE, payload).serialize(mask=False))
        self._closing = True
        self._timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.abort)
        self._leave()

    def abort(self) -> None:
        """Cut the connection now, whatever is still unsent."""
        self._transport.abort()

    # In (asyncio.Protocol)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        while end := _frame_end(data, self._max_size):
            self._take(data[:end])
            data = data[end:]
        self._buffer = data

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._receiver is not None:
            self._receiver.resumed()

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._leave()

    def shutdown(self) -> None:
        """uvicorn is stopping: let the receiver say goodbye in its own words first."""
        if self._receiver is not None:
            self._receiver.stop()
        self.close(1012, "")

    def _leave(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.left()

    def _take(self, data: bytes) -> None:
        """One frame."""
        if self._closing:
            if data[0] & 0x0F == Opcode.CLOSE:
                self._transport.close()
            return
        parser = self._parser or Conversation(Side.SERVER, max_size=self._max_size, logger=_logger)
        parser.receive_data(data)
        for frame in parser.events_received():
            assert isinstance(frame, Frame)
            self._act(frame)
        self._transport.write(b"".join(parser.data_to_send()))  # pongs, and the answer to a close
        if parser.close_sent is not None:
            self._closing = True
            self._transport.close()  # once everything is sent: a peer that reads nothing is cut
            self._timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.abort)
            self._leave()
        self._parser = parser if parser.current_size is not None else None  # between fragments
        if self._parser is None:
            parser.parser.close()  # its generator would keep it alive

    def _act(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.CONT:
                self._parts.append(bytes(frame.data))
                if frame.fin:
                    self._deliver()
            case Opcode.BINARY:
                self.close(1003, "")
            case Opcode.PONG if frame.data == self._ping:
                self._ping = None

    def _deliver(self) -> None:
        message, self._parts = b"".join(self._parts), []
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.close(1007, "")
            return
        if self._receiver is not None and not self._closing:
            self._receiver.received(text)


def text_frame(payload: bytes) -> bytes:
    """The payload as one unmasked text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), payload)


def _frame_end(data: bytes, max_size: int) -> int:
    """Where the first frame ends (RFC 6455, section 5.2); 0 while it is not all there.

    One that is too large, which the parser refuses by its head, ends at once.
    """
    have = len(data)
    if have < 2:
        return 0
    size, head = data[1] & 0x7F, 2
    if size >= 126:
        head = 4 if size == 126 else 10
        if have < head:
            return 0
        size = int.from_bytes(data[2:head])
    if size > max_size:
        return have
    end = head + (4 if data[1] & 0x80 else 0) + size
    return end if have >= end else 0
