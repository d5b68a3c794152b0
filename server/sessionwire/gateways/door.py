"""Refuses what was sent to another host, before anything else looks at it.

It knows no path but that of the health check, and decides nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.gateways.shell import refuse
from sessionwire.policy.hosts import Hosts

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Door"]

_HEALTH = "/api/auth/ok"
_LOOPBACK = Hosts(("localhost", "127.0.0.1", "[::1]"))


class Door:
    """Before an ASGI application, HTTP and WebSocket.

    A request has exactly one `Host` (RFC 9112, section 3.2), which is one of `hosts`; who asks on
    this machine's own names is told whether the server is well, and nothing else.
    """

    def __init__(self, app: ASGIApp, *, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            return refuse(400, "INVALID_HOST", "Exactly one Host header is required")
        host = given[0].decode("latin-1")
        if self._hosts.answers(host):
            return None
        if scope["path"] == _HEALTH and _LOOPBACK.answers(host):
            return None
        return refuse(421, "MISDIRECTED_REQUEST", "This host is not served here")
