"""Refuses what was sent to another host, before anything else looks at it.

It knows no paths but those of whoever runs the server, and decides nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sessionwire.gateways.shell import refuse
from sessionwire.policy.hosts import Hosts

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Door"]

_OPERATIONS = frozenset({"/api/auth/ok", "/health/live", "/health/ready", "/metrics"})
_ADDRESS = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")
_LOOPBACK = Hosts(("localhost", "127.0.0.1", "[::1]"))


class Door:
    """Before an ASGI application, HTTP and WebSocket.

    A request has exactly one `Host` (RFC 9112, section 3.2), which is one of `hosts`. Probes and
    scrapers know addresses, not names: who asks an address, or this machine's own names, is told
    whether the server is well, and how, and nothing else. No page can (DNS rebinding needs a name).
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
        if scope["path"] in _OPERATIONS and (_LOOPBACK.answers(host) or _ADDRESS.match(host)):
            return None
        return refuse(421, "MISDIRECTED_REQUEST", "This host is not served here")
