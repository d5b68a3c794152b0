"""Where a request comes from, as its headers tell, and the refusal of what we do not trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.auth.reading import joined
from sessionwire.errors import Forbidden
from sessionwire.policy.cookies import speaks_for_somebody
from sessionwire.policy.origins import Fetch, Verdict, judge_request

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from sessionwire.policy.origins import Origins

__all__ = ["fetch_of", "refuse_origin", "refuse_verdict"]

_REFUSALS = {
    Verdict.INVALID_ORIGIN: "Invalid origin",
    Verdict.MISSING_OR_NULL_ORIGIN: "Missing or null Origin",
    Verdict.CROSS_SITE_NAVIGATION: (
        "Cross-site navigation login blocked. This request appears to be a CSRF attack."
    ),
}


def fetch_of(connection: HTTPConnection) -> Fetch:
    headers = connection.headers
    return Fetch(
        origin=joined(headers, "origin"),
        referer=headers.get("referer"),
        site=headers.get("sec-fetch-site"),
        mode=headers.get("sec-fetch-mode"),
        dest=headers.get("sec-fetch-dest"),
        cookie=speaks_for_somebody(joined(headers, "cookie")),
    )


def refuse_origin(fetch: Fetch, origins: Origins, *, login: bool) -> None:
    """Raises Forbidden for a source that may not write here."""
    refuse_verdict(judge_request(fetch, origins, login=login))


def refuse_verdict(verdict: Verdict) -> None:
    """Raises Forbidden for every verdict but ALLOWED."""
    if verdict is not Verdict.ALLOWED:
        raise Forbidden(_REFUSALS[verdict], code=verdict.value)
