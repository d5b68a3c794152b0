"""One connection of the live wire: frames and time in, frames and an end out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from sessionwire.errors import ProtocolError
from sessionwire.gateways.live import frames
from sessionwire.gateways.live.standing import Standing, may_return
from sessionwire.gateways.live.vocabulary import ENDINGS
from sessionwire.model import Version, parse_version
from sessionwire.policy.rate import Bucket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sessionwire.policy.limits import Limits
    from sessionwire.reactive.hub import Hub
    from sessionwire.reactive.outbox import Delivery, Outbox

__all__ = ["Close", "LiveProtocol"]

_CLOSE_CODES = {reason: each.code for reason, each in ENDINGS.items()}


@dataclass(frozen=True, slots=True)
class Close:
    """How the connection is to be closed after the last frame."""

    code: int
    reason: str


class LiveProtocol:
    """What one connection may say and is told.

    `receive` takes a text message, `take` gives the frames to send now, `close` is set when there
    will be no more. It never blocks, and holds no queue beyond answers to the client's own frames.
    """

    __slots__ = (
        "_answers",
        "_behind",
        "_bucket",
        "_hub",
        "_limits",
        "_outbox",
        "_refused",
        "_standing",
        "_told_live",
        "_unacknowledged",
        "close",
    )

    def __init__(self, *, hub: Hub, outbox: Outbox, limits: Limits) -> None:
        self.close: Close | None = None
        self._hub = hub
        self._outbox = outbox
        self._standing = Standing(hub, outbox)
        self._limits = limits
        self._answers: list[bytes] = []
        self._bucket = Bucket(rate=limits.frames_per_second, burst=limits.frames_burst)
        self._refused = 0
        self._told_live = True
        self._behind: dict[int, float] = {}
        self._unacknowledged = False

    def open(self) -> None:
        """The handshake is done."""
        self._hub.attach(self._outbox)
        self._answers.append(
            frames.encode_hello(
                version=self._hub.position,
                heartbeat=self._limits.heartbeat,
                frame_limit=self._limits.frame,
                subscription_limit=self._limits.subscriptions,
            )
        )

    def receive(self, text: str, *, now: float) -> None:
        """Act on a text message; a refused one is answered by an error frame."""
        if self.close is not None:
            return
        try:
            if not self._bucket.take(now=now):
                raise ProtocolError("too many frames; this one was dropped", code="rate_limited")
            self._act(frames.decode(text), now)
        except ProtocolError as error:
            self._refused += 1
            self._answers.append(frames.encode_error(error))
            if self._refused >= self._limits.refused_frames:
                self.end("protocol_error")

    def _act(self, frame: frames.ClientFrame, now: float) -> None:
        match frame:
            case frames.Subscribe():
                self._subscribe(frame, now)
            case frames.Unsubscribe():
                self._behind.pop(frame.id, None)
                self._hub.unsubscribe(self._outbox, frame.id)
            case frames.Ping():
                self._answers.append(frames.encode_pong())
            case frames.Ack():
                self._acknowledge(parse_version(frame.version))
            case _:
                assert_never(frame)

    def _subscribe(self, frame: frames.Subscribe, now: float) -> None:
        if len(self._outbox.subscriptions) >= self._limits.subscriptions:
            raise ProtocolError(
                f"at most {self._limits.subscriptions} subscriptions",
                code="too_many_subscriptions",
                frame_id=frame.id,
            )
        since = Version(0) if frame.since is None else parse_version(frame.since)
        try:
            subscription = self._hub.subscribe(
                self._outbox, frame.id, frame.query, frame.args, since=since, tag=frame.tag
            )
        except ProtocolError as error:
            error.frame_id = frame.id
            raise
        if since > self._hub.position:
            self._behind[frame.id] = now + self._limits.version_wait
        if not subscription.watch.resolved or since > self._hub.position:
            self._answers.append(frames.encode_pending(frame.id))

    def _acknowledge(self, version: Version) -> None:
        """One that was asked for: it does not count among the peer's frames."""
        if not self._unacknowledged:
            raise ProtocolError("no ack was asked for", code="unexpected_ack")
        self._unacknowledged = False
        self._bucket.give_back()
        if self._hub.tracer is not None:
            self._hub.tracer.acknowledged(self._outbox, version)

    def take(self, *, now: float, wall: datetime) -> list[bytes]:
        """The frames to send now; nothing after the one that says `bye`."""
        if self.close is None:
            reason = self._standing.end_reason(wall)
            if reason is not None:
                self._end(reason, wall=wall)
        if self.close is not None:
            last, self._answers = self._answers[-1:], []
            return last
        out, self._answers = self._answers, []
        if self._told_live != self._hub.live:
            self._told_live = self._hub.live
            out.append(frames.encode_status(live=self._told_live))
        deliveries = self._outbox.take(self._hub.position)
        if self._behind:
            for each in deliveries:
                self._behind.pop(each.id, None)
            late = self._give_up(now)
            if late:
                out.append(frames.encode_unavailable(late, self._hub.position))
        if deliveries:
            out.append(self._update(deliveries, wall))
        return out

    def _give_up(self, now: float) -> list[int]:
        """The subscriptions that have waited long enough for what they saw elsewhere."""
        late = [id for id, deadline in self._behind.items() if deadline <= now]
        for id in late:
            del self._behind[id]
        return late

    def _update(self, deliveries: Sequence[Delivery], wall: datetime) -> bytes:
        """While somebody follows changes, the client is asked to say when it shows them."""
        ack = self._hub.tracer is not None and not self._unacknowledged
        self._unacknowledged = self._unacknowledged or ack
        frame = frames.encode_update(deliveries, self._hub.position, ack=ack)
        self._hub.sent(self._outbox, deliveries, size=len(frame), wall=wall)
        return frame

    def over(self, *, wall: datetime) -> bool:
        """Whether the next frame is the last one."""
        return self.close is not None or self._standing.end_reason(wall) is not None

    def recheck_in(self, *, now: float, wall: datetime) -> float | None:
        """Seconds after which `take` has to be called even if nobody wakes us; None for never."""
        seconds = self._standing.recheck_in(wall)
        if self._behind:
            behind = min(self._behind.values()) - now
            seconds = behind if seconds is None else min(seconds, behind)
        return None if seconds is None else max(0.0, seconds)

    def end(self, reason: str, *, after: int | None = None) -> None:
        """Say `bye`; only for reasons that pass is the client told to come back, `after` ms."""
        self._end(reason, after=after)

    def _end(self, reason: str, *, after: int | None = None, wall: datetime | None = None) -> None:
        if self.close is None:
            self.close = Close(_CLOSE_CODES.get(reason, 4401), reason)
            self._hub.ended(self._outbox, reason, wall=wall)
            self._answers.append(frames.encode_bye(reason, retry=may_return(reason), after=after))

    def lost(self) -> None:
        """The peer is gone."""
        self._hub.ended(self._outbox, None)
