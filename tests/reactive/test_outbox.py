"""The outbox against a model: the newest results, of one moment, and nothing queued."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionwire.model import ANONYMOUS, Version
from sessionwire.reactive.outbox import Outbox, Result, Subscription, Watch
from sessionwire.reactive.view import Answer, Context, Query

QUERY = Query("q", lambda ctx: None, Context, {}, frozenset(), {})
IDS = st.integers(0, 3)


def result(number: int) -> Result:
    return Result(Answer(number, str(number).encode()), f"{number:016x}", Version(number))


class OutboxMachine(RuleBasedStateMachine):
    """`truth` is what each watch holds; `shown` what a client that reads everything has."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(ANONYMOUS, lambda: None)
        self.position = 10
        self.truth: dict[int, int] = {}
        self.shown: dict[int, int] = {}
        self.counter = 0

    @rule(id=IDS, known=st.booleans(), ahead=st.integers(0, 3), holds=st.booleans())
    def subscribe(self, id: int, known: bool, ahead: int, holds: bool) -> None:
        if id in self.outbox.subscriptions:
            return
        watch = Watch(QUERY, ANONYMOUS, {})
        tag = f"{self.counter + 1:016x}" if holds else None
        since = Version(self.position + ahead)
        subscription = Subscription(self.outbox, id, watch, since, tag)
        self.outbox.subscriptions[id] = subscription
        if known:
            self.resolve(id)

    @rule(id=IDS)
    def unsubscribe(self, id: int) -> None:
        self.outbox.remove(id)
        self.truth.pop(id, None)
        self.shown.pop(id, None)

    @rule(id=IDS)
    def resolve(self, id: int) -> None:
        """A new result, whether or not the last one was ever taken."""
        subscription = self.outbox.subscriptions.get(id)
        if subscription is None:
            return
        self.counter += 1
        subscription.watch.result = result(self.counter)
        subscription.watch.resolved = True
        self.truth[id] = self.counter
        self.outbox.mark(subscription)

    @rule(id=IDS)
    def lose(self, id: int) -> None:
        """What it read is being loaded anew."""
        if id in self.outbox.subscriptions:
            self.outbox.subscriptions[id].watch.resolved = False

    @rule(id=IDS)
    def come_back_equal(self, id: int) -> None:
        subscription = self.outbox.subscriptions.get(id)
        if subscription is not None and subscription.watch.result is not None:
            subscription.watch.resolved = True

    @rule(by=st.integers(1, 3))
    def move(self, by: int) -> None:
        self.position += by

    @precondition(lambda self: self.outbox.subscriptions)
    @rule()
    def take(self) -> None:
        before = dict(self.shown)
        deliveries = self.outbox.take(Version(self.position))
        assert len({each.id for each in deliveries}) == len(deliveries)
        for each in deliveries:
            subscription = self.outbox.subscriptions[each.id]
            assert subscription.watch.resolved and subscription.since <= self.position
            if each.unchanged:
                assert each.id not in before and subscription.tag == each.result.tag
            self.shown[each.id] = self.truth[each.id]
        if deliveries:  # one moment: everything shown is what is true now
            assert all(self.shown[id] == self.truth[id] for id in self.shown)
            for id in self.shown:
                assert self.outbox.subscriptions[id].watch.resolved
        assert self.outbox.take(Version(self.position)) == []

    @invariant()
    def keeps_no_queue(self) -> None:
        assert len(self.outbox._dirty) <= len(self.outbox.subscriptions)

    def teardown(self) -> None:
        """The last result of everybody arrives."""
        for id in list(self.outbox.subscriptions):
            self.resolve(id)
        self.position += 10
        if self.outbox.subscriptions:
            self.take()
        assert self.shown == self.truth


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_the_identity_is_never_delivered() -> None:
    outbox = Outbox(ANONYMOUS, lambda: None)
    watch = Watch(QUERY, ANONYMOUS, {}, result(1), resolved=True)
    outbox.identity = Subscription(outbox, -1, watch, Version(0), None)
    outbox.mark(outbox.identity)
    assert outbox.take(Version(1)) == []


def test_nothing_is_sent_while_the_identity_is_loaded_anew() -> None:
    outbox = Outbox(ANONYMOUS, lambda: None)
    outbox.identity = Subscription(outbox, -1, Watch(QUERY, ANONYMOUS, {}), Version(0), None)
    watch: Any = Watch(QUERY, ANONYMOUS, {}, result(1), resolved=True)
    outbox.subscriptions[1] = Subscription(outbox, 1, watch, Version(0), None)
    outbox.mark(outbox.subscriptions[1])
    assert outbox.take(Version(1)) == []
    outbox.identity.watch.resolved = True
    assert [each.id for each in outbox.take(Version(1))] == [1]
