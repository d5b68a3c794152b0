"""What pages of other, trusted origins may read and send (the Fetch standard, CORS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["preflight_headers", "shared_headers"]

_READABLE = "etag, sessionwire-version, retry-after, x-retry-after, x-request-id"
_SENDABLE = (
    "content-type, authorization, if-none-match, sessionwire-organization, sessionwire-version, "
    "x-requested-with"
)
_PREFLIGHT_SECONDS = "600"


def shared_headers(origin: str) -> dict[str, str]:
    """What lets a page of this origin, which is trusted, read an answer."""
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": _READABLE,
        "cross-origin-resource-policy": "cross-origin",
        "vary": "Cookie, Origin",
    }


def preflight_headers(methods: Iterable[str]) -> dict[str, str]:
    """What such a page may send, beyond `shared_headers`."""
    return {
        "access-control-allow-methods": ", ".join(methods),
        "access-control-allow-headers": _SENDABLE,
        "access-control-max-age": _PREFLIGHT_SECONDS,
    }
