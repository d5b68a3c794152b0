"""The pages as an ASGI application: finds the page, and shows it again when its form is refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Route
from starlette.websockets import WebSocketClose

from sessionwire.errors import PeerError, SessionwireError, TooManyRequests, Unavailable
from sessionwire.exchange.answer import log_failure, response_of
from sessionwire.exchange.content import parse_body, read_body
from sessionwire.exchange.endpoints import Endpoints
from sessionwire.exchange.perform import perform
from sessionwire.gateways.pages.page import Page, Refused
from sessionwire.gateways.pages.templates import page_headers, show
from sessionwire.policy.origins import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from sessionwire.exchange.backing import Backing
    from sessionwire.exchange.call import Endpoint, Reply

__all__ = ["PageGateway"]

logger = logging.getLogger("sessionwire.pages")

_SENT_FROM_ELSEWHERE: Final = {each.value for each in Verdict}


class PageGateway:
    """All pages. Whatever happens is answered by a page with the headers of a page."""

    def __init__(self, backing: Backing, pages: Iterable[Page]) -> None:
        self._backing = backing
        self._pages = {each.path: each for each in pages}
        self._endpoints = Endpoints(
            endpoint for page in self._pages.values() for endpoint in page.endpoints()
        )
        self._headers = page_headers(secure=backing.settings.secure)

    def routes(self) -> list[BaseRoute]:
        """One for each page, whatever the method: what is not allowed is answered here."""
        return [Route(path, self, include_in_schema=False) for path in self._pages]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)
            return
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            response = await self._respond(path, Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, path: str, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        found = self._endpoints.find(method, path)
        if found is None:
            return self._nothing(path)
        endpoint, values = found
        try:
            if endpoint.method == "POST":
                return await self._submit(endpoint, request, values)
            return self._answer(await perform(endpoint, request, self._backing, path=values))
        except (PeerError, Unavailable) as error:
            return self._refuse(error)
        except ClientDisconnect:
            raise
        except Exception as error:
            id = log_failure(logger, endpoint.path, error)
            reply = show("failed.html", self._backing.settings, status=500, id=id)
            return self._answer(reply, {"x-request-id": id})

    async def _submit(
        self, endpoint: Endpoint, request: Request, values: Mapping[str, str]
    ) -> Response:
        """The form's answer; when it is refused, its page again, with what was typed."""
        limits = self._backing.settings.limits
        body = await read_body(request, limit=limits.body, deadline=limits.body_deadline)
        request = _replayed(request, body)
        try:
            return self._answer(await perform(endpoint, request, self._backing, path=values))
        except (PeerError, Unavailable) as error:
            page = self._pages[endpoint.path]
            shown = page.again(Refused(error, _typed(page, request, body, error)))
            reply = await perform(shown, request, self._backing, path=values)
            return self._answer(reply, _retry(error))

    def _nothing(self, path: str) -> Response:
        """405 where the page has no such form, 404 where there is no page."""
        settings = self._backing.settings
        methods = self._endpoints.methods(path)
        if not methods:
            return self._answer(show("missing.html", settings, status=404))
        allowed = {"allow": ", ".join(methods)}
        return self._answer(show("missing.html", settings, status=405), allowed)

    def _refuse(self, error: SessionwireError) -> Response:
        reply = show("refused.html", self._backing.settings, refused=Refused(error))
        return self._answer(reply, _retry(error))

    def _answer(self, reply: Reply, more: Mapping[str, str] | None = None) -> Response:
        headers, content = {**self._headers, **(more or {})}, None
        if reply.html is not None:
            headers["content-type"] = "text/html; charset=utf-8"
            content = reply.html.encode(errors="replace")
        return response_of(reply, content, headers)


def _retry(error: SessionwireError) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"retry-after": str(error.retry_after)}
    return {"retry-after": "1"} if isinstance(error, Unavailable) else {}


def _replayed(request: Request, body: bytes) -> Request:
    """The request with its body still to be read; it is read again when it is shown again."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _typed(page: Page, request: Request, body: bytes, error: SessionwireError) -> Mapping[str, str]:
    """What is filled in again; nothing when it was perhaps another site that typed it."""
    if error.code in _SENT_FROM_ELSEWHERE:
        return {}
    try:
        given: Any = parse_body(request, body, form=True)
    except PeerError:
        return {}
    if not isinstance(given, dict):
        return {}
    return {name: given[name] for name in page.kept if isinstance(given.get(name), str)}
