"""`GET /sessionwire/openapi.json` and `asyncapi.json`: what the server offers, for programs."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from sessionwire.policy.etags import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

__all__ = ["document_routes"]

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def document_routes(documents: Mapping[str, Callable[[], dict[str, Any]]]) -> list[Route]:
    """A route for each, by its name; a document is made when somebody asks for it, and once."""
    return [_route(name, make) for name, make in documents.items()]


def _route(name: str, make: Callable[[], dict[str, Any]]) -> Route:
    @functools.cache
    def written() -> tuple[bytes, str]:
        body = json.dumps(make(), indent=2).encode()
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    async def endpoint(request: Request) -> Response:
        body, etag = written()
        headers = {**_HEADERS, "ETag": etag}
        if holds(request.headers.getlist("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    return Route(f"/sessionwire/{name}.json", endpoint, methods=["GET"])
