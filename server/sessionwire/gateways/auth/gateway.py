"""The gateway as an ASGI application: finds the endpoint, and turns what happened into HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocketClose

from sessionwire.errors import PeerError, SessionwireError, TooManyRequests, Unavailable
from sessionwire.exchange.answer import log_failure, response_of
from sessionwire.exchange.endpoints import Endpoints
from sessionwire.exchange.perform import admit, perform
from sessionwire.gateways.auth.wire import refusal_json, status_of
from sessionwire.policy.headers import api_headers
from sessionwire.policy.sharing import preflight_headers, shared_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send

    from sessionwire.exchange.backing import Backing
    from sessionwire.exchange.call import Endpoint, Holding, Reply
    from sessionwire.gateways.auth.held import HeldAnswers

__all__ = ["AuthGateway"]

logger = logging.getLogger("sessionwire.auth")

_RETRY_AFTER = "1"
_encoder = msgspec.json.Encoder()


class AuthGateway:
    """All endpoints of the contract under one path.

    Not a router: a path that is unknown, is spelled otherwise, or is asked with another method is
    answered 404 with nothing in it.
    """

    def __init__(
        self, backing: Backing, endpoints: Iterable[Endpoint], *, held: HeldAnswers | None = None
    ) -> None:
        self._backing = backing
        self._held = held
        self._endpoints = Endpoints(endpoints)
        self._headers = api_headers(secure=backing.settings.secure)

    @property
    def paths(self) -> list[str]:
        """Every path below its own, `{names}` and all."""
        return self._endpoints.paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)
            return
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        request = Request(scope, receive)
        try:
            response = await self._respond(path, request)
        except ClientDisconnect:
            return
        shared = self._shared_with(request)
        if shared:
            response.headers.update(shared)
        await response(scope, receive, send)

    async def _respond(self, path: str, request: Request) -> Response:
        try:
            found = self._endpoints.find(request.method, path)
            if found is None:
                return await self._other(path, request)
            endpoint, values = found
            reply = await perform(endpoint, request, self._backing, path=values)
            response = self._answer(reply)
            if reply.holding is not None:
                self._keep(request, response, reply.holding)
            return response
        except Unavailable as error:
            return self._refuse(error, {"retry-after": _RETRY_AFTER})
        except TooManyRequests as error:
            after = str(error.retry_after)
            return self._refuse(error, {"retry-after": after, "x-retry-after": after})
        except PeerError as error:
            return self._refuse(error)
        except ClientDisconnect:
            raise
        except Exception as error:
            asked = "A request" if found is None else found[0].path
            id = log_failure(logger, asked, error)
            return self._refuse(SessionwireError("Internal server error"), {"x-request-id": id})

    async def _other(self, path: str, request: Request) -> Response:
        """A preflight of a trusted page, or what is not there."""
        methods = self._endpoints.methods(path) if request.method == "OPTIONS" else []
        asked = request.headers.get("access-control-request-method")
        if methods and asked is not None and self._shared_with(request):
            allowed = {**self._headers, **preflight_headers(methods)}
            return Response(status_code=204, headers=allowed)
        await admit(request, self._backing, limit="default", bucket="unknown")
        return Response(status_code=404, headers=self._headers)

    def _shared_with(self, request: Request) -> dict[str, str]:
        """The headers by which a page of another origin may read the answer; none if it may not."""
        given = request.headers.getlist("origin")
        origins = self._backing.origins
        if len(given) != 1 or given[0] == origins.own or not origins.trusts(given[0]):
            return {}
        return shared_headers(given[0])

    def _keep(self, request: Request, response: Response, holding: Holding) -> None:
        if self._held is not None and not request.scope["query_string"]:
            response.headers.update(self._shared_with(request))
            address = request.scope.get("raw_path", b"")
            self._held.keep(address, request.scope["headers"], response, holding)

    def _answer(self, reply: Reply) -> Response:
        headers, content = dict(self._headers), None
        if reply.html is not None:
            headers["content-type"] = "text/html; charset=utf-8"
            content = reply.html.encode()
        elif reply.status not in (302, 303, 304, 404):
            headers["content-type"] = "application/json"
            content = _encoder.encode(reply.body)
        return response_of(reply, content, headers)

    def _refuse(self, error: SessionwireError, more: dict[str, str] | None = None) -> Response:
        headers = {**self._headers, "content-type": "application/json", **(more or {})}
        return Response(_encoder.encode(refusal_json(error)), status_of(error), headers)
