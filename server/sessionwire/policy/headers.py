"""The headers that every answer of the API carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["api_headers", "missing_headers"]

_HSTS = "max-age=31536000; includeSubDomains"
_ALWAYS = ("cache-control", "pragma")


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


def missing_headers(said: Mapping[str, str], *, secure: bool) -> dict[str, str]:
    """What an answer that says this (names in lower case) has to be given to be like the API's.

    It must not be stored, whatever it says; its other policies, such as a page's own
    Content-Security-Policy, stay.
    """
    wanted = api_headers(secure=secure)
    varies = [each.strip() for each in said.get("vary", "").split(",") if each.strip()]
    if "*" in varies or "cookie" in [each.lower() for each in varies]:
        del wanted["vary"]
    else:
        wanted["vary"] = ", ".join([*varies, "Cookie"])
    return {
        name: value
        for name, value in wanted.items()
        if name in _ALWAYS or name == "vary" or name not in said
    }
