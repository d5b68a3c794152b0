"""The pages, and the fixed files: the demo, the client's modules, style sheets; read at startup."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sessionwire.gateways.pages.gateway import PageGateway
from sessionwire.gateways.pages.table import pages_of
from sessionwire.gateways.pages.templates import compile_all
from sessionwire.policy.etags import holds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sessionwire.exchange.backing import Backing

__all__ = ["page_routes"]

_DEMO: Final = Path(__file__).parent / "demo"
_ASSETS: Final = Path(__file__).parent / "assets"
_ASSET_FILES: Final = ("after.js", "form.js", "icon.svg", "look.css", "pages.css")
_DEMO_FILES: Final = (
    "account.js",
    "app.js",
    "bar.js",
    "dashboard.js",
    "form.js",
    "landing.js",
    "mirror.js",
    "organization.js",
    "page.js",
    "style.css",
    "words.js",
)
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# connect-src 'self' covers the page's own origin over ws: and wss:, too (CSP 3, section 6.7.2.8).
_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https: data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


def page_routes(
    *, demo: bool, client_directory: Path, backing: Backing | None = None
) -> list[BaseRoute]:
    """`/sessionwire/…`: the directory's modules and the style sheets; with `demo` also `/`.

    With a `backing` the pages for signing in and what belongs to it. Raises OSError when one of the
    files cannot be read, and ValueError when there is no client.
    """
    modules = sorted(client_directory.glob("*.js"))
    if not modules:
        raise ValueError(f"no client modules in {client_directory}")
    routes: list[BaseRoute] = [_route(f"/sessionwire/client/{each.name}", each) for each in modules]
    routes += [_route(f"/sessionwire/pages/{name}", _ASSETS / name) for name in _ASSET_FILES]
    if demo:
        routes.append(_route("/", _DEMO / "index.html"))
        routes += [_route(f"/demo/{name}", _DEMO / name) for name in _DEMO_FILES]
    if backing is not None:
        compile_all()
        routes += PageGateway(backing, pages_of(backing.settings, home=not demo)).routes()
    return routes


def _route(path: str, source: Path) -> Route:
    return Route(path, _endpoint(_read(source)), methods=["GET"])


def _read(source: Path) -> _File:
    body = source.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:32]
    return _File(body, _CONTENT_TYPES[source.suffix], f'"{etag}"')


def _endpoint(file: _File) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        headers = {**_HEADERS, "ETag": file.etag}
        if holds(request.headers.getlist("if-none-match"), file.etag):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers={**headers, "Content-Type": file.content_type})

    return endpoint
