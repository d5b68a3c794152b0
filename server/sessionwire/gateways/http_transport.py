"""Bounds what uvicorn leaves unbounded: how long, and how large, the head of a request may be.

Without it (measured, uvicorn 0.54) a request that never ends is waited for without end, all of it
is kept, and trailers behind a body count as headers.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sessionwire.gateways.transport import PEER, STOPPING, Stopping
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sessionwire.policy.limits import Limits

__all__ = ["BoundedConfig", "BoundedHTTPProtocol"]

logger = logging.getLogger("sessionwire")

_FRAMING = 8
"""Bytes around each byte of a body, at most: a chunk of one byte takes five, and its own."""
_LINGER = 2.0
_WITH_BODY = frozenset({b"content-length", b"transfer-encoding", b"expect"})
_ANSWERS = {
    400: (b"400 Bad Request", "BAD_REQUEST", "This is no HTTP request"),
    408: (b"408 Request Timeout", "REQUEST_TIMEOUT", "The request did not arrive in time"),
    414: (b"414 URI Too Long", "URI_TOO_LONG", "The address is too long"),
    431: (b"431 Request Header Fields Too Large", "HEADERS_TOO_LARGE", "The headers are too large"),
}


class BoundedConfig(uvicorn.Config):
    """uvicorn's configuration, and what the protocol keeps to."""

    limits: Limits
    answer_again: Callable[[bytes, Any], tuple[int, bytes] | None] | None = None
    """Asked first by a GET of this address, with its scope: the status of an answer that holds from
    before, and what follows our own headers. It is for the whole application to give."""
    unbelieved = False
    """Whether to say it, once, when somebody forwards a request who is not believed."""


class _Refused(Exception):
    """Raised inside the parser, which ends there."""


class BoundedHTTPProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, keeping to `config.limits`; pass it as `http=`."""

    def __init__(self, config: BoundedConfig, **more: Any) -> None:
        super().__init__(config, **more)
        self._bounds = config
        self._limits = config.limits
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._complete = True
        self._head = 0
        self._budget = config.limits.head
        self._status = 400
        self._stopping = Stopping()
        self._again: tuple[int, bytes] | None = None
        self._answer_again = None if config.access_log else config.answer_again

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm(self._limits.head_deadline)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        if self._stopping.on_shutdown is not None:
            self._stopping.on_shutdown()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._budget -= len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # cut, or a WebSocket from here on
        if self._budget < 0:
            self._answer(431)
        elif self._timer is None and self._waits_for_head():
            self._arm(self._limits.head_deadline)

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on, and nothing may keep this one."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # it knows our methods

    def _waits_for_head(self) -> bool:
        """Whether what came so far ends in a head that does; most come whole, without a timer."""
        answered = self.cycle is None or self.cycle.response_complete
        return self._in_head and (answered or not self._complete)

    # What the parser tells

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stopping = Stopping()
        extensions: dict[str, Any] = {STOPPING: self._stopping, PEER: self.client}
        self.scope["extensions"] = extensions
        self._complete = False
        self._head = 0
        self._budget = self._limits.head

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: what a proxy took out of the headers must not come in behind them
        super().on_header(name, value)
        if self._bounds.unbelieved and name.lower() == b"x-forwarded-for":
            self._bounds.unbelieved = False
            logger.warning(
                "A request was forwarded by %s, which is not in SESSIONWIRE_TRUSTED_PROXIES: if it "
                "is your proxy, everybody behind it counts as one address",
                self.client[0] if self.client else "a local socket",
            )
        self._head += len(name) + len(value)
        if self._head > self._limits.head or len(self.headers) > self._limits.header_fields:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        self._again = self._ready_answer()
        if self._again is None:
            super().on_headers_complete()
        self._in_head = False
        self._disarm()

    def _ready_answer(self) -> tuple[int, bytes] | None:
        """The answer, if it is known without the application, and this is its turn."""
        if (
            self._answer_again is None
            or self.parser.get_method() != b"GET"
            or (self.cycle is not None and not self.cycle.response_complete)
            or self.flow.write_paused
            or not self.parser.should_keep_alive()
            or self.parser.should_upgrade()
            or any(name in _WITH_BODY for name, _ in self.headers)
        ):
            return None
        return self._answer_again(self.url, self.scope)

    def on_body(self, body: bytes) -> None:
        self._budget = min(self._limits.head, self._budget + (1 + _FRAMING) * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        again, self._again = self._again, None
        self._in_head = self._complete = True
        if again is None:
            super().on_message_complete()
        else:
            ours = [b"%b: %b\r\n" % each for each in self.server_state.default_headers]
            self.transport.write(b"".join((STATUS_LINE[again[0]], *ours, again[1])))
            self.on_response_complete()
        self._disarm()

    def on_response_complete(self) -> None:
        """A body that nobody waits for any more may take a moment to end, not for ever."""
        super().on_response_complete()
        if not self._complete:
            self._arm(_LINGER)

    # Deadlines and refusals

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if not self._in_head:
            self.transport.close()
        elif self.cycle is None or self.cycle.response_complete:
            self._answer(408)
        else:
            self._arm(self._limits.head_deadline)  # an answer to an earlier request is under way

    def _refuse(self, status: int) -> None:
        self._status = status
        raise _Refused

    def send_400_response(self, msg: str) -> None:
        """uvicorn's parser gave up, or was made to."""
        self._answer(self._status)

    def _answer(self, status: int) -> None:
        """The last words on this connection."""
        line, code, message = _ANSWERS[status]
        body = msgspec.json.encode({"message": message, "code": code})
        headers = {
            **api_headers(secure=False),
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        self.transport.write(b"".join([b"HTTP/1.1 ", line, b"\r\n", *lines, b"\r\n", body]))
        self.transport.close()
