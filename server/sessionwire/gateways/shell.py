"""The outermost layer of a server: no answer leaves without its security headers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sessionwire.exchange.answer import log_failure
from sessionwire.policy.headers import api_headers, missing_headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Shell", "not_ready", "refuse", "unknown"]

logger = logging.getLogger("sessionwire")

_STARTS = ("http.response.start", "websocket.http.response.start")
_DENIAL = "websocket.http.response"
_POLICY = "content-security-policy"
_DOCUMENTS = ("/sessionwire/openapi.json", "/sessionwire/asyncapi.json")
_WATCHED = ("/inspector/events", "/inspector/process", "/health/", "/metrics")
_ANYWHERE = ("/api/auth/", "/live", "/sessionwire/client/", *_DOCUMENTS, *_WATCHED)


class Shell:
    """Around the router. An answer with a policy of its own, as pages have, is left alone.

    What the server does not know is for the application around it to answer, if there is one.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = api_headers(secure=secure)
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sealed = _Sealed(scope, receive, send, secure=self._secure)
        if _is_misplaced(scope):
            reason = 'Pages work at the root of an origin: mount sessionwire at "/".'
            await refuse(404, "MOUNTED_UNDER_A_PATH", reason)(scope, receive, sealed)
            return
        inner = {**scope, "sessionwire.around": scope.get("app")}
        inner.pop("app", None)  # so that the router answers, and does not raise, what it can
        try:
            await self._app(inner, receive, sealed)
        except HTTPException as error:
            error.headers = {**(error.headers or {}), **self._headers}
            raise
        except Exception as error:
            if sealed.started or scope["type"] != "http":
                raise
            id = log_failure(logger, "A request", error)
            failure = refuse(500, "INTERNAL_SERVER_ERROR", "Internal server error")
            failure.headers["x-request-id"] = id
            await failure(scope, receive, sealed)


class _Sealed:
    """Sends on what is answered, with the headers that every answer has.

    No closure: one that names itself stays, with the whole request, until the collector comes.
    """

    __slots__ = ("_receive", "_scope", "_secure", "_send", "started")

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, secure: bool) -> None:
        self.started = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._secure = secure

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.close" and not self.started and _can_deny(self._scope):
            await refuse(404, "NOT_FOUND", "Not found")(self._scope, self._receive, self)
            return
        self.started = True
        if kind in _STARTS:
            headers = MutableHeaders(scope=message)
            if _POLICY not in headers:
                headers.update(missing_headers(dict(headers), secure=self._secure))
        await self._send(message)


async def unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """The router's last resort: the application's own 404 page, else ours."""
    if scope["type"] == "http" and scope.get("sessionwire.around") is not None:
        raise HTTPException(404)
    await refuse(404, "NOT_FOUND", "Not found")(scope, receive, send)


def refuse(status: int, code: str, message: str) -> JSONResponse:
    """An answer to a request, or to a handshake, in the words of the API's errors."""
    return JSONResponse({"message": message, "code": code}, status)


async def not_ready(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer of a server that does not run yet, or no more."""
    if scope["type"] == "websocket" and not _can_deny(scope):
        await send({"type": "websocket.close", "code": 1013})
        return
    response = refuse(503, "SERVICE_UNAVAILABLE", "Not ready")
    response.headers["retry-after"] = "1"
    await response(scope, receive, send)


def _can_deny(scope: Scope) -> bool:
    """Whether the web server can answer a handshake otherwise than by 403 with nothing said."""
    return _DENIAL in scope.get("extensions", {})


def _is_misplaced(scope: Scope) -> bool:
    """Whether this is a page under a path: its links, and those in letters, lead to the root."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"].removeprefix(root)
    return bool(root) and not path.startswith(_ANYWHERE)
