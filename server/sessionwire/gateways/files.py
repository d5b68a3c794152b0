"""Fixed files of the pages, read at startup, with the headers of pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from sessionwire.policy.etags import holds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["file_route", "headers_of_pages"]

_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


def headers_of_pages(*, images: str = "'self'") -> dict[str, str]:
    """Those of a page that runs nothing but our own files; `images` is where its images may be."""
    # connect-src 'self' covers the page's own origin over ws: and wss:, too (CSP 3, 6.7.2.8).
    policy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src {images}",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    return {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def file_route(path: str, source: Path, *, headers: dict[str, str]) -> Route:
    """The file at this path, whoever asks. Raises OSError when it cannot be read."""
    return Route(path, _endpoint(_read(source), headers), methods=["GET"])


def _read(source: Path) -> _File:
    body = source.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:32]
    return _File(body, _CONTENT_TYPES[source.suffix], f'"{etag}"')


def _endpoint(file: _File, headers: dict[str, str]) -> Callable[[Request], Awaitable[Response]]:
    stated = {**headers, "ETag": file.etag}

    async def endpoint(request: Request) -> Response:
        if holds(request.headers.getlist("if-none-match"), file.etag):
            return Response(status_code=304, headers=stated)
        return Response(file.body, headers={**stated, "Content-Type": file.content_type})

    return endpoint
