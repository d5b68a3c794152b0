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
_ANYWHERE = ("/api/auth/", "/live", "/sessionwire/client/", *_DOCUMENTS)


class Shell:
    """Around the router. An answer with a policy of its own, as pages have, is left alone.

    What the server does not know is for the application around it to answer, if there is one.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = api_headers(secure=secure)
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "websocket.close" and not started and _can_deny(scope):
                await refuse(404, "NOT_FOUND", "Not found")(scope, receive, sealed)
                return
            started = True
            await send(self._sealed(message))

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
            if started or scope["type"] != "http":
                raise
            id = log_failure(logger, "A request", error)
            failure = refuse(500, "INTERNAL_SERVER_ERROR", "Internal server error")
            failure.headers["x-request-id"] = id
            await failure(scope, receive, sealed)

    def _sealed(self, message: Message) -> Message:
        if message["type"] in _STARTS:
            headers = MutableHeaders(scope=message)
            if _POLICY not in headers:
                headers.update(missing_headers(dict(headers), secure=self._secure))
        return message


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
