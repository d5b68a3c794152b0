"""One change on its way, as far as it has come; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionwire.model import Version, format_date, format_version
from sessionwire.observing.facts import DeliveryFacts, DeliveryState, TraceFacts, ViewFacts

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.observing.facts import ChangeFacts, Stop
    from sessionwire.reactive.outbox import Watch
    from sessionwire.reactive.tracer import Recomputed

__all__ = ["Delivered", "Trace"]

_LISTED = 200
"""Views and deliveries that a trace lists; all are counted."""


@dataclass(slots=True, eq=False)
class Delivered:
    """One subscription that the change concerns; times are seconds of one clock."""

    connection: str
    id: int
    query: str
    user: str | None
    offered_at: float
    state: DeliveryState = "offered"
    written_at: float | None = None
    acknowledged_at: float | None = None
    version: Version | None = None
    reason: str | None = None


@dataclass(slots=True, eq=False)
class Viewed:
    """One watch that read something that changed."""

    query: str
    user: str | None
    outcome: Recomputed | None = None
    at: float | None = None


@dataclass(slots=True, eq=False)
class Trace:
    """All of one version. It keeps counts of everything, and the particulars of the first ones."""

    version: Version
    wall: datetime | None
    received: datetime
    received_at: float
    applied_at: float
    changes: list[ChangeFacts]
    held: int = 0
    resync: bool = False
    revision: int = 0
    last_at: float = 0.0
    views: dict[Watch, Viewed] = field(default_factory=dict)
    deliveries: list[Delivered] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    def view(self, watch: Watch, user: str | None) -> None:
        """The watch read something that changed."""
        self.outcomes["affected"] += 1
        if len(self.views) < _LISTED:
            self.views[watch] = Viewed(watch.query.name, user)

    def recomputed(self, watch: Watch, how: Recomputed, at: float) -> None:
        viewed = self.views.get(watch)
        if how != "loading":
            self.outcomes[how] += 1
        if viewed is not None:
            viewed.outcome, viewed.at = how, at
        self.last_at = at

    def deliver(self, delivered: Delivered) -> None:
        self.states[delivered.state] += 1
        if len(self.deliveries) < _LISTED:
            self.deliveries.append(delivered)
        self.last_at = delivered.offered_at

    def move(self, delivered: Delivered, state: DeliveryState, at: float) -> None:
        self.states[delivered.state] -= 1
        delivered.state = state
        self.states[state] += 1
        self.last_at = at

    @property
    def stop(self) -> Stop:
        """How far it has come."""
        if self.resync:
            return "resync"
        if not self.held:
            return "unheld"
        if not self.outcomes["affected"]:
            return "unread"
        if self.states["offered"]:
            return "waiting"
        resolved = sum(self.outcomes[how] for how in ("changed", "equal", "idle"))
        if resolved < self.outcomes["affected"]:
            return "loading"
        if self.outcomes["changed"]:
            return "told"
        return "equal" if self.outcomes["equal"] else "idle"

    def facts(self) -> TraceFacts:
        """What is known now; times become milliseconds since the receipt."""

        def since(at: float) -> float:
            return round((at - self.received_at) * 1000, 3)

        def maybe(at: float | None) -> float | None:
            return None if at is None else since(at)

        lag = None if self.wall is None else (self.received - self.wall).total_seconds() * 1000
        return TraceFacts(
            version=format_version(self.version),
            revision=self.revision,
            wall=None if self.wall is None else format_date(self.wall),
            received=format_date(self.received),
            lag=None if lag is None else round(lag, 3),
            applied_at=since(self.applied_at),
            last_at=since(self.last_at),
            stop=self.stop,
            changes=self.changes,
            views=[
                ViewFacts(query=each.query, user=each.user, outcome=each.outcome, at=maybe(each.at))
                for each in self.views.values()
            ],
            deliveries=[
                DeliveryFacts(
                    connection=each.connection,
                    id=each.id,
                    query=each.query,
                    user=each.user,
                    state=each.state,
                    offered_at=since(each.offered_at),
                    written_at=maybe(each.written_at),
                    acknowledged_at=maybe(each.acknowledged_at),
                    version=None if each.version is None else format_version(each.version),
                    reason=each.reason,
                )
                for each in self.deliveries
            ],
            view_counts=+self.outcomes,
            delivery_counts=+self.states,
        )
