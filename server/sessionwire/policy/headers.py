"""The headers that every answer of the API carries."""

from __future__ import annotations

__all__ = ["api_headers"]

_HSTS = "max-age=31536000; includeSubDomains"


def api_headers(*, secure: bool) -> dict[str, str]:
    """Security headers for an answer that no page shows and no cache keeps, errors included."""
    headers = {
        "cache-control": "no-store",
        "pragma": "no-cache",
        "vary": "Cookie",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    if secure:
        headers["strict-transport-security"] = _HSTS
    return headers
