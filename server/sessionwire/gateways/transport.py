"""Gives a WebSocket endpoint under uvicorn its transport.

ASGI has none of the three: `send` builds every frame again, waits for a peer that stopped reading
without end, and cannot cut it off (measured: uvicorn 0.54 keeps such a connection for ever).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.server import ServerProtocol

from sessionwire.gateways.socket import CLOSE_TIMEOUT, Conversation, LiveSocket, Receiver
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    import uvicorn
    from websockets.frames import Frame
    from websockets.http11 import Request, Response
    from websockets.typing import StatusLike

__all__ = ["EXTENSION", "PEER", "STOPPING", "Handover", "LiveWebSocketProtocol", "Stopping"]

EXTENSION = "sessionwire.transport"
"""The key in `scope["extensions"]` under which an endpoint finds its Handover."""

STOPPING = "sessionwire.stopping"
"""The key in `scope["extensions"]` under which a waiting HTTP endpoint finds its Stopping."""

PEER = "sessionwire.peer"
"""The key in `scope["extensions"]` of the socket's own peer; `client` is whom it speaks for."""

_HIGH_WATER = 64 * 1024
_SEND_BUFFER = 64 * 1024


class Stopping:
    """Tells an endpoint that waits that uvicorn is stopping, which waits for it in turn."""

    __slots__ = ("on_shutdown",)

    def __init__(self) -> None:
        self.on_shutdown: Callable[[], None] | None = None


class Handover:
    """Lets an endpoint that has accepted keep its connection, and end as far as ASGI knows."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: LiveWebSocketProtocol) -> None:
        self._protocol: LiveWebSocketProtocol | None = protocol

    def take(self, receiver: Receiver) -> LiveSocket | None:
        """The connection, from now on the receiver's; None when the peer has left already."""
        protocol, self._protocol = self._protocol, None
        return None if protocol is None else protocol.hand_over(receiver)

    def lapse(self) -> None:
        """The connection is over: there is nothing to take, or to keep."""
        self._protocol = None


class _Handshakes(Conversation, ServerProtocol):
    """websockets' protocol, whose own refusals are answers like all others of the API."""

    def reject(self, status: StatusLike, text: str) -> Response:
        response = super().reject(status, text)
        response.body = msgspec.json.encode({"message": text.strip(), "code": "INVALID_HANDSHAKE"})
        del response.headers["Content-Length"], response.headers["Content-Type"]
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Type"] = "application/json"
        for name, value in api_headers(secure=False).items():
            response.headers[name] = value
        return response


class _HandedOver:
    """What is left to uvicorn's protocol of a transport that is not its own any more."""

    def close(self) -> None:
        """The endpoint has ended, and the connection goes on."""


class LiveWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, until the endpoint takes the connection; pass it as `ws=`.

    What a peer sends before the endpoint has said how it reads is kept.
    """

    def __init__(self, config: uvicorn.Config, **more: Any) -> None:
        super().__init__(config, **more)
        self.conn.__class__ = _Handshakes  # one made anew would be a second, for each handshake
        self.conn.available_extensions = None  # frames are prepared once, for all
        self._handover = Handover(self)
        self._reads = False
        self._early = b""

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
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self._handover
            extensions[PEER] = self.client

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._handover.lapse()

    def data_received(self, data: bytes) -> None:
        if self._reads or not hasattr(self, "scope"):
            super().data_received(data)
        else:
            self._early += data
            self.transport.pause_reading()

    async def receive(self) -> Any:
        if self.handshake_complete and not self._reads:  # an endpoint that reads as ASGI has it
            self._reads = True
            if self._early:
                self.transport.resume_reading()
                super().data_received(self._early)
        return await super().receive()

    def hand_over(self, receiver: Receiver) -> LiveSocket | None:
        """The transport, without all that the handshake needed."""
        self.stop_keepalive()
        transport: Any = self.transport
        if self.disconnected or transport.is_closing():
            return None
        live = LiveSocket(
            transport, receiver, connections=self.connections, max_size=self.config.ws_max_size
        )
        self.connections.discard(self)
        self.connections.add(live)  # type: ignore[arg-type]  # it has the `shutdown` that counts
        self.transport = _HandedOver()  # type: ignore[assignment]
        self.conn.parser.close()  # its generator would keep it alive
        transport.set_protocol(live)
        if self._early:
            transport.resume_reading()
            live.data_received(self._early)
        return live

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
            self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)
