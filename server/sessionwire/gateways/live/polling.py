"""One poll of the live wire: subscriptions and time in, one frame out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.errors import ProtocolError
from sessionwire.gateways.live import frames
from sessionwire.gateways.live.standing import Standing, may_return
from sessionwire.model import NEVER, parse_version
from sessionwire.reactive.outbox import Delivery, Result
from sessionwire.reactive.view import Answer, Failure

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.model import Version
    from sessionwire.policy.limits import Limits
    from sessionwire.reactive.hub import Hub
    from sessionwire.reactive.outbox import Outbox

__all__ = ["LivePoll", "Said", "bye"]

_AGAIN = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """The answer: an HTTP status, and the frame that a socket would be sent; None with 204."""

    status: int
    frame: bytes | None
    version: Version
    after: int = _AGAIN
    """With 503: in how many milliseconds to ask again."""


def bye(reason: str, *, version: Version, after: int | None = None) -> Said:
    """The answer to a poll that may not go on."""
    retry = may_return(reason)
    frame = frames.encode_bye(reason, retry=retry, after=after)
    return Said(503 if retry else 401, frame, version, _AGAIN if after is None else after)


class LivePoll:
    """A connection that lasts until there is one frame to send.

    It answers once all that it asks for is known at one version, and differs from what its client
    shows (P1, P2). Like `LiveProtocol` it never blocks; unlike it, it says nothing twice.
    """

    def __init__(self, *, hub: Hub, outbox: Outbox, limits: Limits) -> None:
        self._hub = hub
        self._outbox = outbox
        self._limits = limits
        self._standing = Standing(hub, outbox)
        self._shown: dict[int, tuple[str | None, str | None]] = {}
        self._refused: list[Delivery] = []
        self._since = NEVER
        self._until = self._behind_until = 0.0
        self._unknown_until: float | None = None
        self._ended: Said | None = None

    def open(self, asked: frames.Poll, *, seen: Version, now: float) -> None:
        """Begin; `seen` is the newest version that the peer has seen, as its headers tell.

        Raises ProtocolError for what cannot be answered as a whole, and then begins nothing. A
        subscription that is refused for itself is one result of the answer.
        """
        ids = [each.id for each in asked.subscriptions]
        if len(ids) > self._limits.subscriptions:
            raise ProtocolError(
                f"at most {self._limits.subscriptions} subscriptions", code="too_many_subscriptions"
            )
        if len(set(ids)) < len(ids):
            raise ProtocolError("an id stands for two subscriptions", code="duplicate_id")
        since = NEVER if asked.since is None else parse_version(asked.since)
        self._since = max(since, seen)
        longest = float(self._limits.heartbeat)
        self._until = now + (longest if asked.wait is None else min(asked.wait, longest))
        self._behind_until = now + self._limits.version_wait
        self._hub.attach(self._outbox)
        for each in asked.subscriptions:
            self._subscribe(each)

    def _subscribe(self, asked: frames.PollSubscription) -> None:
        self._shown[asked.id] = (asked.tag, asked.error)
        try:
            self._hub.subscribe(
                self._outbox, asked.id, asked.query, asked.args, since=self._since, tag=asked.tag
            )
        except ProtocolError as error:
            failure = Failure(error.code, error.message)
            refusal = Delivery(asked.id, Result(failure, "", self._hub.position), unchanged=False)
            if self._differs(refusal):
                self._refused.append(refusal)

    def take(self, *, now: float, wall: datetime) -> Said | None:
        """The answer, once there is one; what is known is judged anew each time."""
        position = self._hub.position
        if self._ended is not None:
            return self._ended
        reason = self._standing.end_reason(wall)
        if reason is not None:
            self._hub.ended(self._outbox, reason, wall=wall)
            return bye(reason, version=position)
        if not self._hub.live:
            return Said(503, frames.encode_status(live=False), position)
        if self._since > position:
            late = list(self._outbox.subscriptions)
            frame = frames.encode_unavailable(late, position)
            return Said(200, frame, position) if now >= self._behind_until else None
        if not self._outbox.settled:
            return self._wait_for_data(now)
        self._unknown_until = None
        deliveries = [each for each in self._outbox.take(position) if self._differs(each)]
        deliveries += self._refused
        if deliveries:
            frame = frames.encode_update(deliveries, position)
            self._hub.sent(self._outbox, deliveries, size=len(frame), wall=wall)
            return Said(200, frame, position)
        return Said(204, None, position) if now >= self._until else None

    def _wait_for_data(self, now: float) -> Said | None:
        """What is being loaded is not known to be unchanged: that takes as long as any read may."""
        if self._unknown_until is None:
            self._unknown_until = now + self._limits.read_deadline
        if now < self._unknown_until:
            return None
        return Said(503, frames.encode_status(live=False), self._hub.position)

    def _differs(self, delivery: Delivery) -> bool:
        tag, error = self._shown[delivery.id]
        if isinstance(delivery.result.outcome, Answer):
            return delivery.result.tag != tag
        return delivery.result.outcome.code != error

    def recheck_in(self, *, now: float, wall: datetime) -> float:
        """Seconds after which `take` has to be called even if nobody wakes us."""
        if self._since > self._hub.position:
            until = self._behind_until
        elif self._unknown_until is not None:
            until = self._unknown_until
        else:
            until = self._until
        standing = self._standing.recheck_in(wall)
        return max(0.0, until - now if standing is None else min(until - now, standing))

    def end(self, reason: str, *, after: int | None = None) -> None:
        """Answer `bye`, whatever else there is to say."""
        self._ended = self._ended or bye(reason, version=self._hub.position, after=after)

    def lost(self) -> None:
        """The answer is given, or the peer is gone."""
        self._hub.ended(self._outbox, None)
