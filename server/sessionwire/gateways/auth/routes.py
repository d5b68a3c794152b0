"""better-auth's HTTP contract, mounted at /api/auth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Mount

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.gateways.auth import account_routes, organization_routes, session_routes
from sessionwire.gateways.auth.backing import Backing, Reader
from sessionwire.gateways.auth.exchange import Call, Endpoint, Reply
from sessionwire.gateways.auth.gateway import AuthGateway

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["auth_routes"]


async def ok(call: Call) -> Reply:
    return Reply({"ok": True})


ENDPOINTS = (
    Endpoint("GET", "/ok", ok),
    *account_routes.ENDPOINTS,
    *session_routes.ENDPOINTS,
    *organization_routes.ENDPOINTS,
)


def auth_routes(
    *, store: Store, relay: Reader, settings: Settings, clock: Clock = utc_now
) -> list[BaseRoute]:
    """The routes of this gateway; session reads are answered by `relay`.

    Raises ValueError for a trusted origin that is none.
    """
    backing = Backing.of(store=store, relay=relay, settings=settings, clock=clock)
    return [Mount("/api/auth", app=AuthGateway(backing, ENDPOINTS))]
