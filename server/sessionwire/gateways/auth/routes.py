"""better-auth's HTTP contract, mounted at /api/auth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Mount

from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.gateways.auth import (
    account_routes,
    invitation_routes,
    member_routes,
    organization_routes,
    recovery_routes,
    session_routes,
    social_routes,
)
from sessionwire.gateways.auth.gateway import AuthGateway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from sessionwire.exchange.backing import Backing
    from sessionwire.gateways.auth.held import HeldAnswers

__all__ = ["ENDPOINTS", "auth_routes"]


async def ok(call: Call) -> Reply:
    return Reply({"ok": True})


ENDPOINTS = (
    Endpoint("GET", "/ok", ok, limit="none"),
    *account_routes.ENDPOINTS,
    *recovery_routes.ENDPOINTS,
    *session_routes.ENDPOINTS,
    *social_routes.ENDPOINTS,
    *organization_routes.ENDPOINTS,
    *member_routes.ENDPOINTS,
    *invitation_routes.ENDPOINTS,
)


def auth_routes(
    backing: Backing, *, more: Sequence[Endpoint] = (), held: HeldAnswers | None = None
) -> list[BaseRoute]:
    """The routes of this gateway; `more` are endpoints under the same path that show pages.

    Answers that hold are given to `held`.
    """
    return [Mount("/api/auth", app=AuthGateway(backing, (*ENDPOINTS, *more), held=held))]
