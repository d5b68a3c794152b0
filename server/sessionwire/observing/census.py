"""Who is connected, and how the process does, at one moment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sessionwire.model import format_date, format_version
from sessionwire.observing.facts import ConnectionFacts, ProcessFacts, SubscriptionFacts
from sessionwire.observing.recorder import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessionwire.observing.recorder import Recorder
    from sessionwire.reactive.outbox import Outbox, Subscription
    from sessionwire.reactive.tally import Histogram, Tally
    from sessionwire.relay import Relay

__all__ = ["Census", "Present"]


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """One connection that is served; `address` is its peer's network, as limits count it."""

    kind: Literal["socket", "poll"]
    outbox: Outbox
    address: str
    opened: datetime
    paused: Callable[[], bool]

    @classmethod
    def now(
        cls,
        kind: Literal["socket", "poll"],
        outbox: Outbox,
        address: str,
        paused: Callable[[], bool],
    ) -> Present:
        return cls(kind, outbox, address, datetime.now(UTC), paused)


class Census:
    """Counts one process when it is asked to; it keeps nothing."""

    def __init__(
        self,
        relay: Relay,
        recorder: Recorder,
        *,
        present: Callable[[], Iterable[Present]],
        software: str,
        started: datetime,
    ) -> None:
        self._relay = relay
        self._recorder = recorder
        self._present = present
        self._software = software
        self._started = started

    def connections(self) -> list[ConnectionFacts]:
        """Every connection of this process, the oldest first."""
        return sorted(map(self._connection, self._present()), key=lambda each: each.opened)

    def _connection(self, present: Present) -> ConnectionFacts:
        outbox, hub = present.outbox, self._relay.hub
        identity = identity_of(hub, outbox.viewer) if outbox.viewer.credential else None
        acknowledged = self._recorder.acknowledged_by(outbox)
        return ConnectionFacts(
            id=outbox.id,
            kind=present.kind,
            user=None if identity is None else identity.user_id,
            session=None if identity is None else identity.session_id,
            opened=format_date(present.opened),
            address=present.address,
            version=format_version(outbox.shown),
            acknowledged=None if acknowledged is None else format_version(acknowledged),
            waiting=len(outbox.dirty),
            paused=present.paused(),
            behind=round(self._recorder.waited_for(outbox) * 1000, 1),
            subscriptions=list(map(_subscription, outbox.subscriptions.values())),
        )

    def process(self) -> ProcessFacts:
        """The process as a whole."""
        relay, hub = self._relay, self._relay.hub
        return ProcessFacts(
            id=str(os.getpid()),
            version=format_version(hub.position),
            software=self._software,
            live=relay.live,
            silent=round(relay.stale_for, 3),
            started=format_date(self._started),
            connections=hub.connections,
            watches=hub.watches,
            documents=hub.replica.size,
            counts=_counts(hub.tally, loads=relay.loads),
            latency={
                "write_to_frame": _histogram(hub.tally.write_to_frame),
                "write_to_close": _histogram(hub.tally.write_to_close),
                "load": _histogram(hub.tally.loads),
            },
        )


def _subscription(subscription: Subscription) -> SubscriptionFacts:
    watch = subscription.watch
    return SubscriptionFacts(
        id=subscription.id,
        query=watch.query.name,
        args=dict(watch.args),
        state=_state(subscription),
        changed_at=None if watch.result is None else format_version(watch.result.changed_at),
    )


def _state(subscription: Subscription) -> Literal["pending", "current", "waiting", "loading"]:
    if not subscription.watch.resolved:
        return "loading" if subscription.answered else "pending"
    if subscription.id in subscription.outbox.dirty:
        return "waiting" if subscription.answered else "pending"
    return "current"


def _counts(tally: Tally, *, loads: int) -> dict[str, int]:
    return {
        "groups": tally.groups,
        "changes": tally.changes,
        "recomputed": tally.recomputed,
        "suppressed": tally.suppressed,
        "coalesced": tally.coalesced,
        "frames": tally.frames,
        "results": tally.results,
        "bytes": tally.bytes,
        "reads": loads,
        **{f"ended.{reason}": number for reason, number in sorted(tally.ended.items())},
    }


def _histogram(histogram: Histogram) -> list[list[float]]:
    return [list(histogram.bounds), [float(each) for each in histogram.counts]]
