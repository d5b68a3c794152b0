"""Around the whole server: gives each request its id, and counts it by what was asked.

It changes no request, and no answer but by the header `X-Request-Id`.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Any, Protocol

from starlette.exceptions import HTTPException

from sessionwire.context import REQUEST
from sessionwire.gateways.transport import PEER
from sessionwire.reactive.tally import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sessionwire.observing.spans import RequestSpans

__all__ = ["Answer", "Holding", "Requests"]

_HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._=:-]{8,128}")
_STARTS = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_NAME = re.compile(r"\\\{[a-z_]+\\\}")
_LEFT = 499
"""As nginx says it: the peer went before it was answered."""


class Answer(Protocol):
    """One that is ready to be written, but for what differs each time."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def body(self) -> bytes: ...


class Holding(Protocol):
    """Answers that hold from before, all of one route."""

    @property
    def route(self) -> str: ...
    @property
    def version(self) -> bytes: ...

    def find(self, address: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Answer | None: ...


class Requests:
    """Before an ASGI application. `templates` are the paths that it knows: `/a/{b}`.

    An id that a peer sends is taken over if `trusts` says so of the peer's own address. A path that
    has no template, and a method that nobody uses, count as `other`: whoever asks adds no series.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        templates: Iterable[str],
        trusts: Callable[[str], bool],
        held: Holding | None = None,
        spans: RequestSpans | None = None,
    ) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}
        """Of each method, template and status: how many were answered so."""
        self.durations: dict[tuple[str, str], Histogram] = {}
        """Of each method and template: seconds until the answer was given."""
        self._app = app
        self._trusts = trusts
        self._held = held if spans is None else None
        self._spans = spans
        known = set(templates)
        self._exact = {each: each for each in known if "{" not in each}
        self._patterns = [(_pattern(each), each) for each in sorted(known) if "{" in each]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        id = self._id(scope)
        answered = _Answered(id, send)
        token = REQUEST.set(id.decode())
        try:
            if scope["type"] == "http":
                await self._counted(scope, receive, answered)
            else:
                await self._app(scope, receive, answered)
        finally:
            REQUEST.reset(token)

    async def _counted(self, scope: Scope, receive: Receive, answered: _Answered) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = self._template(scope)
        began = time.perf_counter()
        try:
            if self._spans is None:
                await self._app(scope, receive, answered)
            else:
                with self._spans.request(scope, method, route, answered):
                    await self._app(scope, receive, answered)
        except HTTPException as error:  # for the application around us to answer
            answered.status = answered.status or error.status_code
            raise
        except Exception:
            answered.status = answered.status or 500
            raise
        finally:
            self._count(method, route, answered.status or _LEFT, time.perf_counter() - began)

    def answer_again(self, address: bytes, scope: Scope) -> tuple[int, bytes] | None:
        """A GET's status, and what follows the web server's headers, if that holds from before."""
        held = self._held
        if held is None:
            return None
        began = time.perf_counter()
        found = held.find(address, scope["headers"])
        if found is None:
            return None
        said = (found.headers, held.version, _HEADER, b": ", self._id(scope), b"\r\n\r\n")
        answer = b"".join((*said, found.body))
        self._count("GET", held.route, found.status, time.perf_counter() - began)
        return found.status, answer

    def _count(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        self.counts[key] = self.counts.get(key, 0) + 1
        durations = self.durations.get((method, route))
        if durations is None:
            durations = self.durations[method, route] = Histogram()
        durations.observe(seconds)

    def _template(self, scope: Scope) -> str:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        found = (each for pattern, each in self._patterns if pattern.fullmatch(path))
        return next(found, "other")

    def _id(self, scope: Scope) -> bytes:
        for name, value in scope["headers"]:
            if name == _HEADER and _SANE.fullmatch(value) and self._trusts(_peer(scope)):
                return bytes(value)
        return b"%016x" % random.getrandbits(64)  # it names a line of the log, and opens nothing


class _Answered:
    """Sends on what the application answers, with the request's id, and remembers the start."""

    __slots__ = ("_id", "_send", "headers", "status")

    def __init__(self, id: bytes, send: Send) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._id = id
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] in _STARTS:
            self.status = message.get("status", 101)
            self.headers = list(message.get("headers", ()))
            if self.status >= 500:  # the answer to a failure may say it already
                self.headers = [each for each in self.headers if each[0].lower() != _HEADER]
            self.headers.append((_HEADER, self._id))
            message = {**message, "headers": self.headers}
        await self._send(message)


def _peer(scope: Scope) -> str:
    """Who sent it to us, whoever it was forwarded for."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    peer = extensions[PEER] if PEER in extensions else scope.get("client")
    return peer[0] if peer else ""


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub("[^/]+", re.escape(template)))
