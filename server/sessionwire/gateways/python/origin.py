"""Refuses what other sites' pages make a browser send to the application's own routes."""

from __future__ import annotations

from starlette.requests import HTTPConnection  # noqa: TC002 (FastAPI reads the annotations)

from sessionwire.errors import Forbidden
from sessionwire.exchange.provenance import fetch_of, refuse_origin, refuse_verdict
from sessionwire.gateways.python.refusal import Refusal
from sessionwire.gateways.python.server import api_for
from sessionwire.policy.isolation import may_fetch
from sessionwire.policy.origins import judge_websocket

__all__ = ["assert_fetch_metadata", "assert_origin"]

_READS = ("GET", "HEAD", "OPTIONS")


def assert_origin(request: HTTPConnection) -> None:
    """Whether this request may change something: its Origin, or else its Referer, is trusted.

    The rules of the API's own POSTs: a request with a cookie must name its origin. A GET may be
    without, but must not name a foreign one. Raises Refusal 403.
    """
    origins, fetch = api_for(request).origins, fetch_of(request)
    try:
        if request.scope["type"] == "websocket":
            refuse_verdict(judge_websocket(fetch.origin, origins, cookie=fetch.cookie))
        elif request.scope["method"] not in _READS or fetch.origin is not None:
            refuse_origin(fetch, origins, login=False)
    except Forbidden as error:
        raise Refusal.of(error) from None


def assert_fetch_metadata(request: HTTPConnection) -> None:
    """Whether a browser says that the request is of one of our own or trusted pages.

    For reads, too: another site's page can neither embed nor fetch the resource, but may link to
    it. Senders of no `Sec-Fetch-…` headers pass. Raises Refusal 403, `CROSS_SITE_REQUEST`.
    """
    reads = request.scope.get("method") in _READS
    if not may_fetch(fetch_of(request), api_for(request).origins, reads=reads):
        raise Refusal(403, "CROSS_SITE_REQUEST", "Cross-site request")
