"""The API's headers on the answers of the application's own routes."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sessionwire.auth.api import secure
from sessionwire.gateways.python.answers import secure_error_json
from sessionwire.policy.headers import missing_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["no_store"]

_STARTS = ("http.response.start", "websocket.http.response.start")


def no_store(target: Callable[..., Any]) -> Any:
    """Let no cache keep the answers, and give them the API's security headers.

    A decorator for an endpoint that returns a `Response`:

        @no_store
        async def page(request: Request) -> Response: ...

    or an ASGI middleware: `app.add_middleware(no_store)`, `Mount("/account", no_store(account))`;
    or for one answer: `return no_store(response)`, which is the same `Response`.
    What an answer says itself stays, but for caching: a page keeps its own
    Content-Security-Policy.
    """
    if isinstance(target, Response):
        return _seal_response(target)
    function = target
    while isinstance(function, functools.partial):
        function = function.func
    if not (inspect.isfunction(function) or inspect.ismethod(function)) or _is_asgi(function):
        return _NoStore(target)
    return _asynchronous(target) if inspect.iscoroutinefunction(function) else _synchronous(target)


def _is_asgi(function: Callable[..., Any]) -> bool:
    return list(inspect.signature(function).parameters)[-3:] == ["scope", "receive", "send"]


def _asynchronous(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    async def sealed(*args: Any, **kwargs: Any) -> Response:
        try:
            return _seal_response(await endpoint(*args, **kwargs))
        except HTTPException as error:
            _seal_exception(error)
            raise

    return sealed


def _synchronous(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    def sealed(*args: Any, **kwargs: Any) -> Response:
        try:
            return _seal_response(endpoint(*args, **kwargs))
        except HTTPException as error:
            _seal_exception(error)
            raise

    return sealed


class _NoStore:
    """The middleware. A failure that nobody else answers is answered here, and raised on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        started = False
        answered = _is_answered_outside(scope)

        async def sealed(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] in _STARTS:
                headers = MutableHeaders(scope=message)
                headers.update(_missing(headers))
            await send(message)

        try:
            await self._app(scope, receive, sealed)
        except HTTPException as error:  # of a router: the application's handler will answer it
            _seal_exception(error)
            raise
        except Exception:
            if not (started or answered) and scope["type"] == "http":
                failure = secure_error_json("INTERNAL_SERVER_ERROR", "Internal server error", 500)
                await failure(scope, receive, sealed)
            raise


def _is_answered_outside(scope: Scope) -> bool:
    """Whether the application around us has words of its own for a failure."""
    app = scope.get("app")
    handlers: Mapping[Any, Any] = getattr(app, "exception_handlers", {})
    inside = "starlette.exception_handlers" in scope  # of its error handling
    return inside or getattr(app, "debug", False) or 500 in handlers or Exception in handlers


def _missing(headers: Mapping[str, str]) -> dict[str, str]:
    said = {name.lower(): value for name, value in headers.items()}
    return missing_headers(said, secure=secure())


def _seal_response(response: Any) -> Response:
    if not isinstance(response, Response):
        raise TypeError(
            f"@no_store decorates endpoints that return a Response, not {type(response).__name__}:"
            " use it as a middleware, or sessionwire.fastapi.NoStoreRoute."
        )
    response.headers.update(_missing(response.headers))
    return response


def _seal_exception(error: HTTPException) -> None:
    said = dict(error.headers or {})
    given = _missing(said)
    kept = {name: value for name, value in said.items() if name.lower() not in given}
    error.headers = {**kept, **given}
