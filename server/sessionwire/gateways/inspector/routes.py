"""`/inspector/…`: the process, its connections, and the stream of traces, as JSON."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sessionwire.errors import BadRequest, SessionwireError, Unavailable
from sessionwire.gateways.transport import STOPPING, Stopping
from sessionwire.model import NEVER, Version, parse_version
from sessionwire.observing.filter import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from sessionwire.gateways.inspector.access import Access
    from sessionwire.observing.observation import Observation
    from sessionwire.observing.trace import Trace

__all__ = ["Inspector"]

_WATCHERS = 16
_BREATH = 0.05
"""Seconds between two looks: what changes meanwhile is told once."""
_ALIVE = 10.0
_FILTERS = ("user", "collection", "organization", "operation")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_encode = msgspec.json.Encoder().encode


class Inspector:
    """Whoever may watch (Access) is told what the observation knows."""

    def __init__(self, observation: Observation, access: Access) -> None:
        self._observation = observation
        self._access = access

    def routes(self) -> list[BaseRoute]:
        return [
            self._route("/inspector/process", self._process),
            self._route("/inspector/connections", self._connections),
            self._route("/inspector/traces", self._traces),
            self._route("/inspector/events", self._events),
        ]

    def _route(self, path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                await self._access.check(request)
                return await answer(request)
            except SessionwireError as error:
                body = {"code": error.code, "message": error.message}
                return _json(body, status=error.status)

        return Route(path, endpoint, methods=["GET"], include_in_schema=False)

    async def _process(self, request: Request) -> Response:
        return _json(self._observation.census.process())

    async def _connections(self, request: Request) -> Response:
        return _json(self._observation.census.connections())

    async def _traces(self, request: Request) -> Response:
        """What is known now, the one that changed last at the end."""
        wanted, since = _filter(request), _since(request)
        return _json(_facts(self._observation.recorder.since(0), wanted, since))

    async def _events(self, request: Request) -> Response:
        """One line of JSON for each trace, again whenever it has come further, without end."""
        if self._observation.watchers >= _WATCHERS:
            raise Unavailable("Too many are watching already.")
        lines = self._lines(request, _filter(request), _since(request))
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=_HEADERS)

    async def _lines(
        self, request: Request, wanted: Filter, since: Version
    ) -> AsyncIterator[bytes]:
        news, stopped = asyncio.Event(), False

        def stop() -> None:
            nonlocal stopped
            stopped = True
            news.set()

        stopping: Stopping = request.scope.get("extensions", {}).get(STOPPING) or Stopping()
        stopping.on_shutdown = stop
        revision = 0 if since else self._observation.recorder.revision
        with self._observation.watching(news.set) as recorder:
            yield _line({"process": self._observation.census.process()})
            while not stopped:
                news.clear()
                traces = recorder.since(revision)
                if traces:
                    revision = traces[-1].revision
                    for facts in _facts(traces, wanted, since):
                        yield _line({"trace": facts})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE):
                        await news.wait()
                if not news.is_set():
                    yield b"\n"  # so that both sides notice when the other is gone
                await asyncio.sleep(_BREATH)


def _facts(traces: list[Trace], wanted: Filter, since: Version) -> list[Any]:
    found = (each.facts() for each in traces if each.version > since)
    return [each for each in found if wanted.matches(each)]


def _filter(request: Request) -> Filter:
    return Filter(**{name: request.query_params.get(name) for name in _FILTERS})


def _since(request: Request) -> Version:
    """Only what is newer. Raises BadRequest."""
    text = request.query_params.get("since")
    try:
        return NEVER if text is None else parse_version(text)
    except ValueError as error:
        raise BadRequest(str(error), code="INVALID_VERSION") from None


def _line(value: Any) -> bytes:
    return _encode(value) + b"\n"


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(_encode(value), status, _HEADERS, media_type="application/json")
