"""Who may watch: a bearer of the admin token, an administrator's session, a developer's browser."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING

from sessionwire.errors import Forbidden, Unauthorized
from sessionwire.exchange.provenance import fetch_of
from sessionwire.policy.hosts import Hosts
from sessionwire.policy.isolation import may_fetch
from sessionwire.policy.lifetime import Expired
from sessionwire.reactive.builtin import ADMINISTRATOR
from sessionwire.reactive.shapes import SessionView

if TYPE_CHECKING:
    from starlette.requests import Request

    from sessionwire.exchange.backing import Backing

__all__ = ["Access"]

_OWN_NAMES = Hosts(("localhost", "127.0.0.1", "[::1]"))


class Access:
    """Asked for each request; it keeps nothing."""

    def __init__(self, backing: Backing) -> None:
        self._backing = backing
        token = backing.settings.admin_token
        self._token = None if token is None else token.get_secret_value().encode()
        self._development = backing.settings.environment == "development"

    async def check(self, request: Request) -> None:
        """Raises Unauthorized for nobody in particular, Forbidden for who may not, Unavailable."""
        if self._bears_token(request):
            return
        if not may_fetch(fetch_of(request), self._backing.origins, reads=True):
            raise Forbidden("Only this server's own pages may watch.", code="FORBIDDEN")
        if self._development and _is_local(request):
            return
        reading = self._backing.reading
        claim = reading.claim(request.headers)
        if claim.viewer.credential is None:
            raise Unauthorized("An administrator's session or the admin token is needed.")
        view = (await reading.read(claim.viewer, since=claim.since)).value
        if not isinstance(view, SessionView) or isinstance(reading.judge(view), Expired):
            raise Unauthorized("An administrator's session or the admin token is needed.")
        allowed = await self._backing.relay.read(ADMINISTRATOR, claim.viewer, since=claim.since)
        if allowed.value is not True:
            raise Forbidden("Only administrators may watch.", code="FORBIDDEN")

    def _bears_token(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token)


def _is_local(request: Request) -> bool:
    """Whether it was sent on this machine, to one of its own names: no page elsewhere can."""
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    return local and _OWN_NAMES.answers(request.headers.get("host", ""))
