"""`POST /live/poll`: the live wire where WebSockets are blocked, one answer at a time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sessionwire.auth.reading import VERSION_HEADER
from sessionwire.errors import ProtocolError, SessionwireError, Unavailable
from sessionwire.exchange.content import check_type, read_body
from sessionwire.exchange.provenance import fetch_of, refuse_origin
from sessionwire.gateways.connection import return_after
from sessionwire.gateways.live import frames
from sessionwire.gateways.live.polling import LivePoll, Said, bye
from sessionwire.gateways.live.routes import connection_id
from sessionwire.gateways.transport import STOPPING, Stopping
from sessionwire.model import format_version
from sessionwire.observing.census import Present
from sessionwire.policy.addresses import network_of
from sessionwire.policy.sharing import preflight_headers, shared_headers
from sessionwire.reactive.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.types import Receive, Scope, Send

    from sessionwire.auth.reading import Claim, Headers
    from sessionwire.gateways.live.routes import LiveGateway
    from sessionwire.model import Version, Viewer
    from sessionwire.policy.limits import Limits
    from sessionwire.policy.origins import Origins
    from sessionwire.relay import Relay

__all__ = ["PollGateway"]

_RETRY_AFTER = "5"


class PollGateway:
    """All polls of one process.

    They count among the connections of `live`, which stops them. Whose session a request carries is
    said by `claim`, the same function as for HTTP.
    """

    def __init__(
        self,
        *,
        live: LiveGateway,
        relay: Relay,
        limits: Limits,
        origins: Origins,
        claim: Callable[[Headers], Claim],
    ) -> None:
        self._live = live
        self._relay = relay
        self._limits = limits
        self._origins = origins
        self._claim = claim

    def route(self, path: str = "/live/poll") -> Route:
        return Route(path, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        response.headers.update(self._shared_with(request))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS" and self._is_preflight(request):
            return Response(status_code=204, headers=preflight_headers(["POST"]))
        if request.method != "POST":
            return _refusal(SessionwireError("Not found", code="NOT_FOUND"), status=404)
        address = network_of(request.client.host if request.client else "")
        try:
            return await self._answer(request, address)
        except SessionwireError as error:
            self._live.refused[error.code] += 1
            self._live.note("A poll was refused: %s, from %s", error.code, address)
            return _refusal(error, status=error.status)
        except TimeoutError:
            return _refusal(Unavailable(), status=Unavailable.status)

    async def _answer(self, request: Request, address: str) -> Response:
        raw = await read_body(request, limit=self._limits.body, deadline=self._limits.body_deadline)
        check_type(request, form=False)
        refuse_origin(fetch_of(request), self._origins, login=False)
        asked = frames.decode_poll(_text(raw))
        claim = self._claim(request.headers)
        async with asyncio.timeout(self._limits.head_deadline):
            identity = await self._live.identity(claim)
        if identity is not None and identity.ended is not None:
            return _response(bye(identity.ended, version=self._relay.hub.position))
        user = None if identity is None else identity.user_id
        with self._live.admission.admitted(user=user, address=address):
            waiting = _Waiting(self._relay, claim.viewer, self._limits)
            present = Present.now("poll", waiting.outbox, address, bool)
            with self._live.kept(waiting, present), _stopped_with(request, waiting):
                return _response(await waiting.answer(asked, request, seen=claim.since))

    def _is_preflight(self, request: Request) -> bool:
        asked = request.headers.get("access-control-request-method")
        return asked == "POST" and bool(self._shared_with(request))

    def _shared_with(self, request: Request) -> Mapping[str, str]:
        """The headers by which a page of another, trusted origin may read the answer."""
        given = request.headers.getlist("origin")
        if len(given) != 1 or given[0] == self._origins.own or not self._origins.trusts(given[0]):
            return {}
        return shared_headers(given[0])


class _Waiting:
    """One poll while it waits: moves time, wakings and the peer's leaving into a LivePoll."""

    def __init__(self, relay: Relay, viewer: Viewer, limits: Limits) -> None:
        self._relay = relay
        self._woken = asyncio.Event()
        self.outbox = Outbox(viewer, self._woken.set, id=connection_id())
        self._poll = LivePoll(hub=relay.hub, outbox=self.outbox, limits=limits)
        self._gone = False

    def stop(self) -> None:
        """The server is stopping: the peers come back one by one."""
        self._poll.end("shutdown", after=return_after())
        self._woken.set()

    async def answer(self, asked: frames.Poll, request: Request, *, seen: Version) -> Said:
        """What to answer. Raises ProtocolError, and ClientDisconnect when nobody waits for it."""
        try:
            self._poll.open(asked, seen=seen, now=time.monotonic())
            self._relay.flush()
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(self._notice_leaving(request))
                said = await self._said()
                leaving.cancel()
        finally:
            self._poll.lost()
        if said is None:
            raise ClientDisconnect
        return said

    async def _said(self) -> Said | None:
        """The poll's answer; None when the peer left before there was one."""
        while not self._gone:
            now, wall = time.monotonic(), datetime.now(UTC)
            said = self._poll.take(now=now, wall=wall)
            if said is not None:
                return said
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll.recheck_in(now=now, wall=wall)):
                    await self._woken.wait()
            self._woken.clear()
        return None

    async def _notice_leaving(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._woken.set()


@contextlib.contextmanager
def _stopped_with(request: Request, waiting: _Waiting) -> Iterator[None]:
    """While the block runs, uvicorn's stop is the poll's: it would wait for the answer."""
    stopping: Stopping = request.scope.get("extensions", {}).get(STOPPING) or Stopping()
    stopping.on_shutdown = waiting.stop
    try:
        yield
    finally:
        stopping.on_shutdown = None


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProtocolError("not UTF-8", code="invalid_json") from None


def _response(said: Said) -> Response:
    headers = {VERSION_HEADER: format_version(said.version)}
    if said.frame is not None:
        headers["content-type"] = "application/json"
    if said.status == 503:
        headers["retry-after"] = str(max(1, math.ceil(said.after / 1000)))
    return Response(said.frame, said.status, headers)


def _refusal(error: SessionwireError, *, status: int) -> Response:
    """In the words of a refused handshake."""
    headers = {"content-type": "application/json"}
    if status in (429, 503):
        headers["retry-after"] = _RETRY_AFTER
    body = {"code": error.code, "message": error.message}
    return Response(msgspec.json.encode(body), status, headers)
