"""Keeps every watched query right as the replica moves, and says which connections have news."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from sessionwire.errors import ProtocolError
from sessionwire.model import NEVER, Version, Viewer
from sessionwire.reactive.due import Due, edit_of
from sessionwire.reactive.identity import IDENTITY
from sessionwire.reactive.outbox import Outbox, Result, Subscription, Watch
from sessionwire.reactive.readers import Readers
from sessionwire.reactive.replica import Load, Replica
from sessionwire.reactive.tag import encode_args, tag_of
from sessionwire.reactive.tally import Tally
from sessionwire.reactive.view import Answer, Failure, Queries, Query, amended, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sessionwire.reactive.change import DocumentKey, Group, Key
    from sessionwire.reactive.outbox import Delivery
    from sessionwire.reactive.tracer import Recomputed, Tracer
    from sessionwire.reactive.view import Edit

__all__ = ["Hub"]

_NO_ARGS = encode_args({})


class Hub:
    """All watches of one process over one replica.

    It recomputes a watch only when something that the watch read has changed, once, whoever is
    subscribed, and only while somebody is. It does not load, send or log: `take_needs`,
    `take_ready` and `take_failures` say what is to be done.
    """

    def __init__(self, queries: Queries, *, idle_documents: int, idle_watches: int) -> None:
        self.queries = queries
        self.replica = Replica(idle_limit=idle_documents)
        self.live = False
        self.verifiable = True
        self.restarts = 0
        self.tally = Tally()
        self.tracer: Tracer | None = None
        self._idle_limit = idle_watches
        self._watches: dict[Hashable, Watch] = {}
        self._idle: OrderedDict[Watch, None] = OrderedDict()
        self._readers = Readers()
        self._due = Due()
        self._outboxes: set[Outbox] = set()
        self._ready: dict[Outbox, None] = {}
        self._later: list[tuple[Version, int, Outbox]] = []
        self._sequence = 0
        self._failures: list[tuple[Query, Failure]] = []
        self._wall: datetime | None = None

    @property
    def position(self) -> Version:
        """The version that everything shown is of; 0 before the stream was ever open."""
        return self.replica.position or NEVER

    @property
    def connections(self) -> int:
        return len(self._outboxes)

    @property
    def outboxes(self) -> Iterator[Outbox]:
        """The connections that are served."""
        return iter(self._outboxes)

    @property
    def watches(self) -> int:
        return len(self._watches)

    # The stream

    def restart(self, version: Version) -> None:
        """History was lost: whatever is watched is loaded anew as of `version` or later."""
        if self.tracer is not None:
            self.tracer.restarted(version)
        self.restarts += 1
        self.replica.restart(version)
        for watch in list(self._idle):
            self._discard(watch)
        for watch in self._watches.values():
            watch.resolved = False
        self._due.add(self._watches.values())
        self._settle()
        self._announce_position()

    def apply(self, groups: Sequence[Group]) -> None:
        """Move through the groups; then recompute once what they touched, as of the last one."""
        if self.tracer is not None:
            self.tracer.received(groups)
        for group in groups:
            touched = self.replica.apply(group)
            self.tally.groups += 1
            self.tally.changes += len(group.changes)
            self._wall = group.wall
            edit = edit_of(group, touched, self.replica)
            watches = self._readers.affected(touched, edit)
            if self.tracer is not None:
                self.tracer.applied(group, touched, watches)
            self._due.add(watches, edit)
        self._settle()
        self._wall = None
        self._announce_position()

    def heeds(self, key: DocumentKey) -> bool:
        """Whether an update of the document has to be applied; another one only moves us on."""
        if self.tracer is not None or self.replica.concerns(key):
            return True
        self.tally.overlooked += 1
        return False

    def advance(self, version: Version) -> None:
        """Nothing that we follow changed up to `version`."""
        self.replica.advance(version)
        self._announce_position()

    def supply(self, load: Load) -> None:
        self._due.add(self._readers.affected(self.replica.supply(load)))
        self._settle()

    def set_live(self, *, live: bool) -> None:
        """Whether the stream is followed; connections are told when that changes."""
        if live != self.live:
            self.live = live
            self._ready.update(dict.fromkeys(self._outboxes))

    def set_verifiable(self, *, verifiable: bool) -> None:
        """Whether sessions can still be vouched for; if not, signed-in connections end (P6)."""
        if verifiable != self.verifiable:
            self.verifiable = verifiable
            self._ready.update(dict.fromkeys(self._outboxes))

    # What is to be done

    def take_needs(self, limit: int) -> list[Key]:
        return self.replica.take_needs(limit)

    def take_ready(self) -> list[Outbox]:
        """The connections that may have something to send, each once."""
        ready = list(self._ready)
        self._ready.clear()
        return ready

    def take_failures(self) -> list[tuple[Query, Failure]]:
        """Queries of developers that raised, to be logged."""
        failures, self._failures = self._failures, []
        return failures

    # Connections

    def attach(self, outbox: Outbox) -> None:
        """Begin to serve a connection; a signed-in one is followed by its session's identity."""
        self._outboxes.add(outbox)
        if outbox.viewer.credential is not None:
            watch = self._watch(self.queries.named(IDENTITY), outbox.viewer, {})
            outbox.identity = Subscription(outbox, -1, watch, NEVER, None)
            self._begin(outbox.identity)

    def detach(self, outbox: Outbox) -> None:
        """Forget a connection and all its subscriptions."""
        self._outboxes.discard(outbox)
        self._ready.pop(outbox, None)
        for id in list(outbox.subscriptions):
            self.unsubscribe(outbox, id)
        if outbox.identity is not None:
            self._end(outbox.identity)
            outbox.identity = None

    def subscribe(
        self,
        outbox: Outbox,
        id: int,
        query: str,
        args: Mapping[str, Any],
        *,
        since: Version = NEVER,
        tag: str | None = None,
    ) -> Subscription:
        """Follow a query; its first result is offered once it is known, and not before `since`.

        Raises ProtocolError `duplicate_id`, `unknown_query` or `invalid_args`.
        """
        if id in outbox.subscriptions:
            raise ProtocolError(f"the id {id} is in use", code="duplicate_id", frame_id=id)
        if query.startswith("$"):
            raise ProtocolError(f"no query is named {query[:128]!r}", code="unknown_query")
        named = self.queries.named(query)
        watch = self._watch(named, outbox.viewer, named.parse(args))
        subscription = Subscription(outbox, id, watch, since, tag)
        outbox.subscriptions[id] = subscription
        if since > self.position:
            self._sequence += 1
            heapq.heappush(self._later, (since, self._sequence, outbox))
        self._begin(subscription)
        return subscription

    def unsubscribe(self, outbox: Outbox, id: int) -> None:
        """Unknown ids are ignored."""
        subscription = outbox.remove(id)
        if subscription is not None:
            self._end(subscription)
            self._ready[outbox] = None  # others may have waited for it

    def sent(
        self, outbox: Outbox, deliveries: Sequence[Delivery], *, size: int, wall: datetime
    ) -> None:
        """These deliveries went to the connection in one frame of `size` bytes."""
        tally = self.tally
        tally.frames += 1
        tally.results += len(deliveries)
        tally.bytes += size
        for each in deliveries:
            written = each.result.wall
            if each.pushed and written is not None:
                tally.write_to_frame.observe((wall - written).total_seconds())
        if self.tracer is not None:
            self.tracer.written(outbox, deliveries, self.position, size=size)

    def ended(self, outbox: Outbox, reason: str | None, *, wall: datetime | None = None) -> None:
        """The connection is over: the server says goodbye for this reason, or None: it was left."""
        if outbox not in self._outboxes:
            return
        if reason is not None:
            self.tally.ended[reason] += 1
        written = _ended_at(outbox)
        if wall is not None and written is not None:
            self.tally.write_to_close.observe((wall - written).total_seconds())
        if self.tracer is not None:
            self.tracer.ended(outbox, reason)
        self.detach(outbox)

    # Reads

    def read(self, query: str, viewer: Viewer, args: Mapping[str, Any]) -> Watch:
        """The watch that answers; when it is not `resolved`, `wait` for it.

        Raises ProtocolError `unknown_query` or `invalid_args`.
        """
        named = self.queries.named(query)
        watch = self._watch(named, viewer, named.parse(args))
        if not watch.resolved and not watch.needed:
            self._recompute(watch)
        return watch

    def known(self, query: str, viewer: Viewer) -> Watch | None:
        """The watch of the query without args, if somebody needed one lately."""
        return self._watches.get((query, viewer, _NO_ARGS))

    def wait(self, watch: Watch, waiter: Callable[[], None]) -> None:
        """Call `waiter` once, when the watch is resolved."""
        watch.waiters.append(waiter)
        self._idle.pop(watch, None)

    def give_up(self, watch: Watch, waiter: Callable[[], None]) -> None:
        """Undo a `wait` whose time is over."""
        if waiter in watch.waiters:
            watch.waiters.remove(waiter)
        self._rest(watch)

    # Watches

    def _watch(self, query: Query, viewer: Viewer, args: Mapping[str, Any]) -> Watch:
        key = (query.name, viewer, encode_args(args))
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch(query, viewer, args, key=key)
        return watch

    def _begin(self, subscription: Subscription) -> None:
        watch = subscription.watch
        unknown = not watch.resolved and not watch.needed
        watch.subscriptions.add(subscription)
        self._idle.pop(watch, None)
        if unknown:
            self._recompute(watch)
        elif watch.resolved:
            self._offer(subscription)

    def _end(self, subscription: Subscription) -> None:
        subscription.watch.subscriptions.discard(subscription)
        self._rest(subscription.watch)

    def _offer(self, subscription: Subscription) -> None:
        self.tally.coalesced += subscription.outbox.mark(subscription)
        self._ready[subscription.outbox] = None

    def _rest(self, watch: Watch) -> None:
        """Nobody needs it now: keep it for a while, the newest `idle_watches` of its kind."""
        if watch.needed or self._watches.get(watch.key) is not watch:
            return
        self._idle[watch] = None
        self._idle.move_to_end(watch)
        while len(self._idle) > self._idle_limit:
            self._discard(next(iter(self._idle)))

    def _discard(self, watch: Watch) -> None:
        self._idle.pop(watch, None)
        self._due.discard(watch)
        del self._watches[watch.key]
        self._depend(watch, set())

    # Recomputation

    def _settle(self) -> None:
        for watch, edit in self._due.take().items():
            if watch.needed:
                self._recompute(watch, edit)
            elif self._watches.get(watch.key) is watch:  # else it had to go meanwhile
                watch.resolved = False  # recomputed when somebody reads it
                self._trace(watch, "idle")

    def _trace(self, watch: Watch, how: Recomputed) -> None:
        if self.tracer is not None:
            self.tracer.recomputed(watch, how)

    def _recompute(self, watch: Watch, edit: Edit | None = None) -> None:
        self.tally.recomputed += 1
        outcome = self._find(watch, edit)
        if outcome is None:
            self._trace(watch, "loading")
            return  # in nobody's idle list: whoever caused this subscribes or waits
        changed = self._replace_result(watch, outcome)
        watch.resolved = True
        self.tally.suppressed += not changed
        tracer = self.tracer
        if tracer is not None:
            tracer.recomputed(watch, "changed" if changed else "equal")
        for subscription in watch.subscriptions:
            if changed or not subscription.answered:
                self.tally.coalesced += subscription.outbox.mark(subscription)
                if tracer is not None:
                    tracer.offered(subscription)
            self._ready[subscription.outbox] = None
        if watch.waiters:
            waiters, watch.waiters = watch.waiters, []
            for waiter in waiters:
                waiter()
        if not watch.subscriptions:
            self._rest(watch)

    def _find(self, watch: Watch, edit: Edit | None) -> Answer | Failure | None:
        """What the query says now; None when that is unknown until something is loaded."""
        if edit is not None and watch.resolved and watch.result is not None:
            outcome = amended(watch.query, watch.result.outcome, edit, self.replica)
            if outcome is not None:
                return outcome
        evaluation = evaluate(watch.query, watch.viewer, watch.args, self.replica)
        if evaluation.outcome is None:
            watch.resolved = False
            watch.wall = watch.wall or self._wall
            self._depend(watch, evaluation.reads.union(watch.reads))
            self.replica.want(evaluation.missing)
            return None
        self._depend(watch, evaluation.reads)
        return evaluation.outcome

    def _replace_result(self, watch: Watch, outcome: Answer | Failure) -> bool:
        """Whether the result is another one than before."""
        before, wall = watch.result, watch.wall or self._wall
        watch.wall = None
        if before is not None and _same(before.outcome, outcome):
            return False
        watch.result = Result(outcome, tag_of(watch, outcome), self.position, wall)
        if isinstance(outcome, Failure) and outcome.cause is not None:
            self._failures.append((watch.query, outcome))
        return True

    def _depend(self, watch: Watch, reads: set[Key]) -> None:
        if len(reads) == len(watch.reads) and reads.issuperset(watch.reads):
            return
        for read in reads.difference(watch.reads):
            self._readers.add(read, watch)
            self.replica.watch(read)
        for read in watch.reads:
            if read not in reads:
                self._readers.remove(read, watch)
                self.replica.unwatch(read)
        watch.reads = tuple(reads)

    def _announce_position(self) -> None:
        while self._later and self._later[0][0] <= self.position:
            outbox = heapq.heappop(self._later)[2]
            if outbox in self._outboxes:
                self._ready[outbox] = None


def _same(before: Answer | Failure, after: Answer | Failure) -> bool:
    if isinstance(before, Answer) and isinstance(after, Answer):
        return before.encoded == after.encoded
    if isinstance(before, Failure) and isinstance(after, Failure):
        return before.code == after.code
    return False


def _ended_at(outbox: Outbox) -> datetime | None:
    """When the write was made that ended the connection's session, if one did."""
    result = None if outbox.identity is None else outbox.identity.watch.result
    if result is None or not isinstance(result.outcome, Answer):
        return None
    return None if result.outcome.value.ended is None else result.wall
