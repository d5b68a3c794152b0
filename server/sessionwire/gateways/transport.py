"""Gives a WebSocket endpoint under uvicorn its transport.

ASGI has none of the three: `send` builds every frame again, waits for a peer that stopped reading
without end, and cannot cut it off (measured: uvicorn 0.54 keeps such a connection for ever).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    import uvicorn
    from websockets.http11 import Request, Response
    from websockets.typing import StatusLike

__all__ = [
    "EXTENSION",
    "PEER",
    "STOPPING",
    "DirectTransport",
    "LiveWebSocketProtocol",
    "Stopping",
]

EXTENSION = "sessionwire.transport"
"""The key in `scope["extensions"]` under which an endpoint finds its DirectTransport."""

STOPPING = "sessionwire.stopping"
"""The key in `scope["extensions"]` under which a waiting HTTP endpoint finds its Stopping."""

PEER = "sessionwire.peer"
"""The key in `scope["extensions"]` of the socket's own peer; `client` is whom it speaks for."""

_HIGH_WATER = 64 * 1024
_SEND_BUFFER = 64 * 1024
_CLOSE_TIMEOUT = 2.0


class Stopping:
    """Tells an endpoint that waits that uvicorn is stopping, which waits for it in turn."""

    __slots__ = ("on_shutdown",)

    def __init__(self) -> None:
        self.on_shutdown: Callable[[], None] | None = None


class DirectTransport:
    """What an accepted endpoint may do with its own connection, at once and without awaiting."""

    __slots__ = ("_protocol", "on_resume", "on_shutdown")

    def __init__(self, protocol: LiveWebSocketProtocol) -> None:
        self._protocol = protocol
        self.on_resume: Callable[[], None] | None = None
        self.on_shutdown: Callable[[], None] | None = None

    @property
    def paused(self) -> bool:
        """Whether unsent bytes have piled up beyond the high-water mark."""
        return not self._protocol.writable.is_set()

    @property
    def closed(self) -> bool:
        protocol = self._protocol
        return protocol.disconnected or protocol.close_sent or protocol.transport.is_closing()

    def send(self, payload: bytes) -> None:
        """Write one text frame; `payload` is UTF-8. Does nothing on a closed connection."""
        if not self.closed:
            frame = Frame(Opcode.TEXT, payload).serialize(mask=False)
            self._protocol.transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; a peer that does not finish it within 2 seconds is cut."""
        if self.closed:
            return
        protocol = self._protocol
        protocol.conn.send_close(code, reason)
        protocol.transport.write(b"".join(protocol.conn.data_to_send()))
        protocol.close_sent = True
        protocol.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if protocol.read_paused:
            protocol.read_paused = False
            protocol.transport.resume_reading()
        protocol.close_timer = protocol.loop.call_later(_CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        """Cut the connection now, whatever is still unsent."""
        self._protocol.transport.abort()


class _Conversation(ServerProtocol):
    """websockets' protocol, whose own refusals are answers like all others of the API."""

    def recv_frame(self, frame: Frame) -> None:
        """A close may come between the parts of a message, as every control frame (RFC 6455, 5.4).

        websockets takes it for an error, and answers 1002 where the peer's own code is due.
        """
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def reject(self, status: StatusLike, text: str) -> Response:
        response = super().reject(status, text)
        response.body = msgspec.json.encode({"message": text.strip(), "code": "INVALID_HANDSHAKE"})
        del response.headers["Content-Length"], response.headers["Content-Type"]
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Type"] = "application/json"
        for name, value in api_headers(secure=False).items():
            response.headers[name] = value
        return response


class LiveWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, handing its transport to the endpoint; pass it as `ws=`."""

    direct: DirectTransport | None = None

    def __init__(self, config: uvicorn.Config, **more: Any) -> None:
        super().__init__(config, **more)
        self.conn = _Conversation(max_size=config.ws_max_size, logger=self.conn.logger)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # otherwise the handshake was refused
            self.direct = DirectTransport(self)
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self.direct
            extensions[PEER] = self.client

    def shutdown(self) -> None:
        """uvicorn is stopping: let the endpoint say goodbye in its own words first."""
        if self.direct is not None and self.direct.on_shutdown is not None:
            self.stop_keepalive()
            self.direct.on_shutdown()
        if not self.close_sent:
            super().shutdown()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_late()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._cut_late()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._cut_late()

    def _cut_late(self) -> None:
        """uvicorn closes once everything is sent, and waits without end for a peer that reads
        nothing: what is left after 2 seconds stays unsent."""
        if self.close_timer is None and self.transport.is_closing() and not self.disconnected:
            self.close_timer = self.loop.call_later(_CLOSE_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.direct is not None and self.direct.on_resume is not None:
            self.direct.on_resume()
