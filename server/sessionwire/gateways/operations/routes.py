"""`/health/live`, `/health/ready` and `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sessionwire.errors import SessionwireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request

    from sessionwire.relay import Relay

__all__ = ["operations_routes"]

_HEADERS = {"Cache-Control": "no-store"}


def operations_routes(
    relay: Relay,
    registry: Callable[[], Awaitable[CollectorRegistry]],
    *,
    stopping: Callable[[], bool],
    check: Callable[[Request], Awaitable[None]],
) -> list[BaseRoute]:
    """Health is for everybody, and says nothing else; metrics are for whom `check` lets pass.

    Live is a process that answers at all: a database that is away is no reason to restart it.
    Ready is one that new connections may be sent to: it follows the database, and does not stop.
    """

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=_HEADERS)

    async def ready(request: Request) -> Response:
        reason = "stopping" if stopping() else None if relay.live else "stale"
        if reason is None:
            return JSONResponse({"status": "ready"}, headers=_HEADERS)
        return JSONResponse({"status": reason}, 503, {**_HEADERS, "Retry-After": "1"})

    async def metrics(request: Request) -> Response:
        try:
            await check(request)
        except SessionwireError as error:
            body = {"code": error.code, "message": error.message}
            return JSONResponse(body, error.status, _HEADERS)
        found = await registry()
        if "application/openmetrics-text" in request.headers.get("accept", ""):
            text: bytes = openmetrics.generate_latest(found)  # type: ignore[no-untyped-call]
            kind = openmetrics.CONTENT_TYPE_LATEST
        else:
            text, kind = generate_latest(found), CONTENT_TYPE_PLAIN_0_0_4
        return Response(text, headers={**_HEADERS, "Content-Type": kind})

    return [
        Route("/health/live", live, methods=["GET"], include_in_schema=False),
        Route("/health/ready", ready, methods=["GET"], include_in_schema=False),
        Route("/metrics", metrics, methods=["GET"], include_in_schema=False),
    ]
