"""`/inspector/…`: the process, its connections, and the stream of traces, as JSON; the page."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sessionwire.errors import BadRequest, SessionwireError, Unavailable
from sessionwire.gateways.inspector.page import inspector_page
from sessionwire.gateways.transport import STOPPING, Stopping
from sessionwire.model import NEVER, Version, parse_version
from sessionwire.observing.filter import Filter
from sessionwire.observing.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from starlette.requests import Request

    from sessionwire.gateways.inspector.access import Access
    from sessionwire.observing.facts import TraceFacts
    from sessionwire.observing.observation import Observation
    from sessionwire.observing.trace import Trace

__all__ = ["Inspector"]

_WATCHERS = 16
_BREATH = 0.05
"""Seconds between two looks: what changes meanwhile is told once."""
_ALIVE = 10.0
_RAREST = 60
_FILTERS = ("user", "collection", "organization", "operation")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_encode = msgspec.json.Encoder().encode


class Inspector:
    """Whoever may watch (Access) is told what the observation knows.

    `sign_in`: whether there is a page for signing in.
    """

    def __init__(self, observation: Observation, access: Access, *, sign_in: bool) -> None:
        self._observation = observation
        self._access = access
        self._sign_in = sign_in

    def routes(self) -> list[BaseRoute]:
        return [
            self._route("/inspector/process", self._process),
            self._route("/inspector/connections", self._connections),
            self._route("/inspector/traces", self._traces),
            self._route("/inspector/events", self._events),
            *inspector_page(self._access, sign_in=self._sign_in),
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
        return _json(list(_facts(self._observation.recorder.since(0), wanted, since or NEVER)))

    async def _events(self, request: Request) -> Response:
        """One line of JSON for each trace, again whenever it has come further, without end.

        `since`: what is known already comes first. `census`: seconds between two counts of the
        connections, which so are of the very process whose traces are told.
        """
        if self._observation.watchers >= _WATCHERS:
            raise Unavailable("Too many are watching already.")
        lines = self._lines(request, _filter(request), _since(request), _census(request))
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=_HEADERS)

    async def _lines(
        self, request: Request, wanted: Filter, since: Version | None, census: Rhythm | None
    ) -> AsyncIterator[bytes]:
        news, stopped = asyncio.Event(), False

        def stop() -> None:
            nonlocal stopped
            stopped = True
            news.set()

        stopping: Stopping = request.scope.get("extensions", {}).get(STOPPING) or Stopping()
        stopping.on_shutdown = stop
        clock = asyncio.get_running_loop().time
        with self._observation.watching(news.set) as recorder:
            reader = Reader(recorder, wanted, since=since)
            yield _line({"process": self._observation.census.process()})
            while not stopped and await self._may_go_on(request):
                news.clear()
                missed, traces = reader.take()
                if missed is not None:
                    yield _line({"missed": missed})
                for facts in traces:
                    yield _line({"trace": facts})
                if census is not None and census.is_due(now=clock()):
                    yield _line(self._counted())
                    census.rest(now=clock())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_wait(census, now=clock())):
                        await news.wait()
                if not news.is_set():
                    yield b"\n"  # so that both sides notice when the other is gone
                await asyncio.sleep(_BREATH)

    async def _may_go_on(self, request: Request) -> bool:
        """Whether who watches still may: what ends their session is news, and wakes the stream."""
        try:
            await self._access.check(request)
        except SessionwireError:
            return False
        return True

    def _counted(self) -> dict[str, Any]:
        census = self._observation.census
        return {"process": census.process(), "connections": census.connections()}


class Rhythm:
    """Says every so many seconds that it is time again; at first, at once.

    What takes long comes more rarely: a hundredth of the time is for it, and no more.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = self._next = 0.0

    def is_due(self, *, now: float) -> bool:
        self._began = now
        return now >= self._next

    def rest(self, *, now: float) -> None:
        """It is done."""
        self._next = now + max(self._seconds, 100 * (now - self._began))

    def left(self, *, now: float) -> float:
        return max(0.0, self._next - now)


def _wait(census: Rhythm | None, *, now: float) -> float:
    return _ALIVE if census is None else min(_ALIVE, census.left(now=now))


def _facts(traces: list[Trace], wanted: Filter, since: Version) -> Iterator[TraceFacts]:
    found = (each.facts() for each in traces if each.version > since)
    return (each for each in found if wanted.matches(each))


def _filter(request: Request) -> Filter:
    return Filter(**{name: request.query_params.get(name) for name in _FILTERS})


def _since(request: Request) -> Version | None:
    """Only what is newer. Raises BadRequest."""
    text = request.query_params.get("since")
    try:
        return None if text is None else parse_version(text)
    except ValueError as error:
        raise BadRequest(str(error), code="INVALID_VERSION") from None


def _census(request: Request) -> Rhythm | None:
    """How often the connections are to be counted. Raises BadRequest."""
    text = request.query_params.get("census")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _RAREST:
        raise BadRequest(f"census is 1 to {_RAREST} seconds", code="INVALID_CENSUS")
    return Rhythm(int(text))


def _line(value: Any) -> bytes:
    return _encode(value) + b"\n"


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(_encode(value), status, _HEADERS, media_type="application/json")
