"""`GET /live`: the handshake of the live wire, and the connections that came of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute

from sessionwire.context import CONNECTION
from sessionwire.errors import BadRequest, SessionwireError, Unavailable
from sessionwire.gateways.connection import AwaitedConnection, Connection, DirectConnection
from sessionwire.gateways.live.admission import Admission
from sessionwire.gateways.live.protocol import LiveProtocol
from sessionwire.gateways.pulse import Pulse
from sessionwire.gateways.transport import EXTENSION
from sessionwire.model import ANONYMOUS
from sessionwire.observing.census import Present
from sessionwire.policy.addresses import network_of
from sessionwire.policy.rate import Bucket
from sessionwire.reactive.identity import IDENTITY, Identity
from sessionwire.reactive.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from starlette.requests import HTTPConnection
    from starlette.websockets import WebSocket

    from sessionwire.auth.reading import Claim
    from sessionwire.gateways.transport import Handover
    from sessionwire.model import Viewer
    from sessionwire.policy.limits import Limits
    from sessionwire.relay import Relay

    class Stoppable(Protocol):
        def stop(self) -> None: ...


__all__ = ["SUBPROTOCOL", "LiveGateway", "connection_id"]

logger = logging.getLogger("sessionwire.live")

SUBPROTOCOL = "sessionwire.v1"
_LINES_PER_SECOND, _LINES = 5.0, 100


class LiveGateway:
    """All live connections of one process, polls among them.

    `identify` checks a handshake's Origin and credential (raising Forbidden) and says who it is; it
    is the same function as for HTTP. Whether the session still stands is asked here.
    """

    def __init__(
        self, *, relay: Relay, limits: Limits, identify: Callable[[HTTPConnection], Claim]
    ) -> None:
        self._relay = relay
        self._limits = limits
        self._identify = identify
        self.admission = Admission(limits)
        self._connections: dict[Stoppable, Present] = {}
        self._lines = Bucket(rate=_LINES_PER_SECOND, burst=_LINES)
        self._pulse = Pulse()
        self._flush = relay.flush
        self.refused: Counter[str] = Counter()
        """Handshakes and polls, by the code of the answer."""

    def route(self, path: str = "/live") -> WebSocketRoute:
        return WebSocketRoute(path, self.serve)

    async def serve(self, websocket: WebSocket) -> None:
        """One handshake, and the connection to its end."""
        address = network_of(websocket.client.host if websocket.client else "")
        try:
            subprotocol = _subprotocol(websocket)
            async with asyncio.timeout(self._limits.head_deadline):
                viewer, user = await self._who(self._identify(websocket))
            self.admission.admit(user=user, address=address)
        except TimeoutError:
            await self._refuse(websocket, Unavailable(), address)
            return
        except SessionwireError as error:
            await self._refuse(websocket, error, address)
            return
        visit = _Visit(self, user, address)
        try:
            await websocket.accept(subprotocol)
            handover = websocket.scope.get("extensions", {}).get(EXTENSION)
            if handover is not None:
                self._hand_over(handover, viewer, visit)
            else:
                await self._run(websocket, viewer, visit)
        except BaseException:
            visit.end()
            raise

    async def _refuse(self, websocket: WebSocket, refusal: SessionwireError, address: str) -> None:
        """An HTTP answer instead of the upgrade; browsers show their scripts a close 1006."""
        self.refused[refusal.code] += 1
        self.note("A handshake was refused: %s, from %s", refusal.code, address)
        headers = {"Cache-Control": "no-store"}
        if refusal.status in (429, 503):
            headers["Retry-After"] = "5"
        body = {"code": refusal.code, "message": refusal.message}
        response = JSONResponse(body, status_code=refusal.status, headers=headers)
        try:
            await websocket.send_denial_response(response)
        except RuntimeError:  # a server without this extension
            await websocket.close(refusal.close_code)

    async def _who(self, claim: Claim) -> tuple[Viewer, str | None]:
        """The viewer if their session stands, else nobody; and the user's id."""
        identity = await self.identity(claim)
        if identity is None or identity.ended is not None:
            return ANONYMOUS, None
        return claim.viewer, identity.user_id

    async def identity(self, claim: Claim) -> Identity | None:
        """Whose session is claimed and whether it stands, no older than what its sender has seen.

        None when no session is claimed. Raises Unavailable.
        """
        if not self._relay.ready:
            raise Unavailable("The server is not ready.")
        if claim.viewer.credential is None:
            return None
        identity = (await self._relay.read(IDENTITY, claim.viewer, since=claim.since)).value
        assert isinstance(identity, Identity)
        expired = identity.expires_at is not None and identity.expires_at <= datetime.now(UTC)
        if expired and identity.ended is None:
            return msgspec.structs.replace(identity, ended="expired")
        return identity

    def _hand_over(self, handover: Handover, viewer: Viewer, visit: _Visit) -> None:
        """Under our uvicorn protocol the endpoint ends here, and the connection does not."""
        id = connection_id()
        connection = DirectConnection(
            id, write_deadline=self._limits.write_deadline, acted=self._flush, pulse=self._pulse
        )
        wire = self._begin(connection, Outbox(viewer, connection.wake, id=id), visit)
        connection.start(handover, wire, ended=visit.end)

    async def _run(self, websocket: WebSocket, viewer: Viewer, visit: _Visit) -> None:
        connection = AwaitedConnection(
            websocket, write_deadline=self._limits.write_deadline, acted=self._flush
        )
        outbox = Outbox(viewer, connection.wake, id=connection_id())
        wire = self._begin(connection, outbox, visit)
        await connection.run(wire)
        visit.end()

    def _begin(self, connection: Connection, outbox: Outbox, visit: _Visit) -> LiveProtocol:
        visit.connection = connection
        visit.wire = LiveProtocol(hub=self._relay.hub, outbox=outbox, limits=self._limits)
        CONNECTION.set(outbox.id)  # until the task of this socket ends
        logger.debug("The connection %s was opened", outbox.id)
        present = Present.now("socket", outbox, visit.address, connection.is_paused)
        self._connections[connection] = present
        return visit.wire

    def leave(self, visit: _Visit) -> None:
        """Undo what was done for a connection, and say how it ended."""
        self.admission.release(user=visit.user, address=visit.address)
        wire = visit.wire
        if visit.connection is None or wire is None:
            return
        outbox = self._connections.pop(visit.connection).outbox
        reason = "the peer left" if wire.close is None else wire.close.reason
        if wire.close is None or wire.close.code == 1012:
            logger.debug("The connection %s ended: %s", outbox.id, reason)
        else:
            self.note("The connection %s ended: %s", outbox.id, reason)

    def note(self, said: str, *values: str) -> None:
        """One line, but not for each of thousands."""
        if self._lines.take(now=time.monotonic()):
            logger.info(said, *values)

    @contextlib.contextmanager
    def kept(self, connection: Stoppable, present: Present) -> Iterator[None]:
        """While the block runs, `stop` stops the connection, too, and it is `present`."""
        self._connections[connection] = present
        try:
            yield
        finally:
            del self._connections[connection]

    def present(self) -> Iterable[Present]:
        """Who is connected now."""
        return self._connections.values()

    def stop(self) -> None:
        """Take no more, and send everybody away, to come back spread over some seconds."""
        self.admission.stopping = True
        for connection in list(self._connections):
            connection.stop()

    def __len__(self) -> int:
        return len(self._connections)


class _Visit:
    """One connection that was let in, and what it was counted as."""

    __slots__ = ("_gateway", "address", "connection", "user", "wire")

    def __init__(self, gateway: LiveGateway, user: str | None, address: str) -> None:
        self._gateway: LiveGateway | None = gateway
        self.user = user
        self.address = address
        self.connection: Connection | None = None
        self.wire: LiveProtocol | None = None

    def end(self) -> None:
        """It is over; done once."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.leave(self)


def connection_id() -> str:
    """Names a connection in logs and traces; it opens nothing."""
    return secrets.token_hex(4)


def _subprotocol(websocket: WebSocket) -> str | None:
    offered = websocket.scope["subprotocols"]
    if offered and SUBPROTOCOL not in offered:
        raise BadRequest(f"offer the subprotocol {SUBPROTOCOL}", code="INVALID_SUBPROTOCOL")
    return SUBPROTOCOL if offered else None
