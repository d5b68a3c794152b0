"""Records what becomes of each change in the hub; no task, no I/O: time comes from its clocks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sessionwire.observing.trace import Delivered, Trace
from sessionwire.reactive.change import Dropped
from sessionwire.reactive.identity import IDENTITY, Identity
from sessionwire.reactive.view import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from sessionwire.model import Document, Version, Viewer
    from sessionwire.observing.facts import ChangeFacts
    from sessionwire.observing.redaction import Redaction
    from sessionwire.reactive.change import Change, Group, Key
    from sessionwire.reactive.hub import Hub
    from sessionwire.reactive.outbox import Delivery, Outbox, Subscription, Watch
    from sessionwire.reactive.tracer import Recomputed

__all__ = ["KEPT", "Recorder", "identity_of"]

KEPT = 1_000
"""Traces of one hub, unless more are wanted."""
_UNACKNOWLEDGED = 64


class Recorder:
    """The newest traces of one hub, whose `tracer` it is while somebody watches.

    Who reads it remembers the last `revision` and asks for what changed `since`: a slow reader
    costs nothing, and misses only what is no longer kept. `wakers` are called at every change.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        redaction: Redaction,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        kept: int = KEPT,
    ) -> None:
        self.revision = 0
        self.dropped = 0
        """How many of the traces so far are not kept any more."""
        self.kept_from = hub.position
        """Every change after it is among the traces."""
        self.wakers: set[Callable[[], None]] = set()
        self._hub = hub
        self._redaction = redaction
        self._clock = clock
        self._now = now
        self._kept = kept
        self._traces: OrderedDict[Version, Trace] = OrderedDict()
        self._changed: OrderedDict[Version, None] = OrderedDict()
        self._received = (0.0, now())
        self._facts: dict[Version, list[ChangeFacts]] = {}
        self._causes: dict[Watch, list[Trace]] = {}
        self._current: list[Trace] = []
        self._waiting: dict[Outbox, dict[int, list[tuple[Trace, Delivered]]]] = {}
        self._written: dict[Outbox, list[tuple[Version, Trace, Delivered]]] = {}
        self._acknowledged: dict[Outbox, Version] = {}

    def begin(self) -> None:
        """Follow the hub from now on; what it did before was not seen."""
        self.kept_from = self._hub.position

    # Reading

    @property
    def made(self) -> int:
        """How many traces there were so far."""
        return self.dropped + len(self._traces)

    def since(self, revision: int) -> list[Trace]:
        """The traces that changed after it, the one that changed last at the end."""
        newer = []
        for version in reversed(self._changed):
            trace = self._traces[version]
            if trace.revision <= revision:
                break
            newer.append(trace)
        return newer[::-1]

    def acknowledged_by(self, outbox: Outbox) -> Version | None:
        """The newest version that the connection's client says it shows."""
        return self._acknowledged.get(outbox)

    def waited_for(self, outbox: Outbox) -> float:
        """Seconds for which the oldest result of the connection has waited to be taken."""
        waiting = self._waiting.get(outbox, {}).values()
        offered = [each.offered_at for entries in waiting for _, each in entries]
        return self._clock() - min(offered) if offered else 0.0

    @property
    def sizes(self) -> dict[str, int]:
        """How much it remembers beside the traces: nothing of connections that are gone."""
        return {
            "causes": len(self._causes),
            "waiting": len(self._waiting),
            "written": len(self._written),
            "acknowledged": len(self._acknowledged),
        }

    # As the hub's tracer

    def received(self, groups: Sequence[Group]) -> None:
        self._received = (self._clock(), self._now())
        for group in groups:  # before they are applied: whose it was that is deleted
            self._facts[group.version] = [
                self._redaction.facts(each, self._held(each)) for each in group.changes
            ]

    def restarted(self, version: Version) -> None:
        self._causes.clear()
        at, now = self._clock(), self._now()
        trace = Trace(version, None, now, at, at, [], resync=True, last_at=at)
        self._keep(trace)

    def applied(self, group: Group, keys: Collection[Key], watches: Iterable[Watch]) -> None:
        if group.version in self._traces:
            self._facts.pop(group.version, None)
            return  # it came before, and was not applied again
        received_at, received = self._received
        at = self._clock()
        trace = Trace(
            group.version,
            group.wall,
            received,
            received_at,
            at,
            self._facts.pop(group.version, []),
            held=len(keys),
            last_at=at,
        )
        for watch in watches:
            trace.view(watch, _user_of(self._hub, watch.viewer))
            self._causes.setdefault(watch, []).append(trace)
        self._keep(trace)

    def recomputed(self, watch: Watch, how: Recomputed) -> None:
        causes = self._causes.get(watch, []) if how == "loading" else self._causes.pop(watch, [])
        self._current = causes if how == "changed" else []
        for trace in causes:
            trace.recomputed(watch, how, self._clock())
            self._note(trace)

    def offered(self, subscription: Subscription) -> None:
        outbox, own = subscription.outbox, subscription is subscription.outbox.identity
        if not self._current or not (own or subscription.answered):
            return  # a first answer is no news of a change
        at, watch = self._clock(), subscription.watch
        waiting = self._waiting.setdefault(outbox, {})
        self._replace(waiting.pop(subscription.id, ()), at)
        user = _user_of(self._hub, outbox.viewer)
        entries = []
        for trace in self._current:
            before = trace.views.get(watch)  # a session that the change ended names nobody now
            whose = user if before is None or before.user is None else before.user
            delivered = Delivered(outbox.id, subscription.id, watch.query.name, whose, at)
            if own and _stands(watch):
                delivered.state = "kept"
            else:
                entries.append((trace, delivered))
            trace.deliver(delivered)
            self._note(trace)
        if entries:
            waiting[subscription.id] = entries

    def _replace(self, entries: Iterable[tuple[Trace, Delivered]], at: float) -> None:
        for trace, delivered in entries:
            delivered.version = self._current[-1].version
            trace.move(delivered, "coalesced", at)
            self._note(trace)

    def written(
        self, outbox: Outbox, deliveries: Sequence[Delivery], version: Version, *, size: int
    ) -> None:
        waiting = self._waiting.get(outbox)
        if waiting is None:
            return
        at, written = self._clock(), self._written.setdefault(outbox, [])
        for each in deliveries:
            for trace, delivered in waiting.pop(each.id, ()):
                delivered.written_at, delivered.version = at, version
                trace.move(delivered, "written", at)
                written.append((version, trace, delivered))
                self._note(trace)
        del written[:-_UNACKNOWLEDGED]

    def acknowledged(self, outbox: Outbox, version: Version) -> None:
        at, written = self._clock(), self._written.get(outbox, [])
        self._acknowledged[outbox] = version
        self._written[outbox] = [each for each in written if each[0] > version]
        for shown, trace, delivered in written:
            if shown <= version:
                delivered.acknowledged_at = at
                trace.move(delivered, "acknowledged", at)
                self._note(trace)

    def ended(self, outbox: Outbox, reason: str | None) -> None:
        at = self._clock()
        self._written.pop(outbox, None)
        self._acknowledged.pop(outbox, None)
        for entries in self._waiting.pop(outbox, {}).values():
            for trace, delivered in entries:
                delivered.reason, delivered.written_at = reason, at
                trace.move(delivered, "ended", at)
                self._note(trace)

    # Keeping

    def _keep(self, trace: Trace) -> None:
        self._traces[trace.version] = trace
        while len(self._traces) > self._kept:
            version, _ = self._traces.popitem(last=False)
            self._changed.pop(version, None)
            self.dropped += 1
            self.kept_from = max(self.kept_from, version)
        self._note(trace)

    def _note(self, trace: Trace) -> None:
        """It changed: who reads will see it as the newest."""
        if self._traces.get(trace.version) is not trace:
            return
        self.revision += 1
        trace.revision = self.revision
        self._changed[trace.version] = None
        self._changed.move_to_end(trace.version)
        for wake in self.wakers:
            wake()

    def _held(self, change: Change) -> Document | None:
        if isinstance(change, Dropped):
            return None
        document = self._hub.replica.document(change.key)
        return document if isinstance(document, dict) else None


def identity_of(hub: Hub, viewer: Viewer) -> Identity | None:
    """Who the viewer of an attached connection is, as far as it is known."""
    watch = hub.known(IDENTITY, viewer)
    outcome = None if watch is None or watch.result is None else watch.result.outcome
    value = outcome.value if isinstance(outcome, Answer) else None
    return value if isinstance(value, Identity) else None


def _user_of(hub: Hub, viewer: Viewer) -> str | None:
    identity = None if viewer.credential is None else identity_of(hub, viewer)
    return None if identity is None else identity.user_id


def _stands(watch: Watch) -> bool:
    """Whether the session that the watch follows is not over."""
    outcome = None if watch.result is None else watch.result.outcome
    return isinstance(outcome, Answer) and outcome.value.ended is None
