"""The replica against a naive database, under random interleavings of everything."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionwire.model import Version
from sessionwire.reactive.change import DocumentKey, Group, Key, Put, SetKey, Update
from sessionwire.reactive.replica import Load, Replica
from support import naive
from support.naive import NaiveDatabase

COLLECTIONS = st.sampled_from(["a", "b"])
IDS = st.integers(0, 3)
VALUES = st.sampled_from([1, 2, "x", None, [1], True, 1.0])
KEYS: st.SearchStrategy[Key] = st.one_of(
    st.builds(DocumentKey, COLLECTIONS, IDS),
    st.builds(
        SetKey,
        COLLECTIONS,
        st.sampled_from(["f", "g"]),
        st.sampled_from([("number", 1), ("number", 2), "x", ("bool", True)]),
    ),
)


@st.composite
def writes(draw: st.DrawFn) -> Any:
    collection, id = draw(COLLECTIONS), draw(IDS)
    match draw(
        st.sampled_from("put put put set set set nested unset push push cut delete drop".split())
    ):
        case "put":
            document = {"_id": id, "f": draw(VALUES), "n": {"deep": 1}, "list": [1]}
            return naive.put(collection, document)
        case "set":
            return naive.set_field(collection, id, draw(st.sampled_from("fgh")), draw(VALUES))
        case "nested":
            path = draw(st.sampled_from(["n.deep", "n.new", "o.p.q"]))
            return naive.set_field(collection, id, path, draw(VALUES))
        case "unset":
            return naive.unset_field(collection, id, draw(st.sampled_from("fgn")))
        case "push":
            return naive.push(collection, id, "list", draw(VALUES))
        case "cut":
            return naive.cut(collection, id, "list", draw(st.integers(0, 2)))
        case "delete":
            return naive.delete(collection, id)
        case _:
            return naive.drop(collection)


class ReplicaMachine(RuleBasedStateMachine):
    """Whatever happens, in whatever order: what is held is the database as of the position."""

    def __init__(self) -> None:
        super().__init__()
        self.database = NaiveDatabase()
        self.replica = Replica(idle_limit=12)
        self.replica.restart(self.database.version)
        self.delivered = 0
        self.in_flight: list[Load] = []
        self.watched: list[Key] = []

    @rule(together=st.lists(writes(), min_size=1, max_size=6), gap=st.integers(1, 3))
    def commit(self, together: list[Any], gap: int) -> None:
        self.database.commit(*together, gap=gap)

    @rule(groups=st.lists(st.lists(writes(), min_size=1, max_size=3), min_size=1, max_size=4))
    def commit_and_deliver(self, groups: list[list[Any]]) -> None:
        for together in groups:
            self.database.commit(*together)
        self.deliver(len(self.database.groups))

    @precondition(lambda self: self.delivered < len(self.database.groups))
    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        for group in self.database.groups[self.delivered : self.delivered + count]:
            self.replica.apply(group)
        self.delivered = min(self.delivered + count, len(self.database.groups))

    @precondition(lambda self: self.delivered > 0)
    @rule(back=st.integers(1, 5))
    def deliver_again(self, back: int) -> None:
        for group in self.database.groups[max(0, self.delivered - back) : self.delivered]:
            assert self.replica.apply(group) == set()

    @rule()
    def quiet(self) -> None:
        if self.delivered == len(self.database.groups):
            self.replica.advance(Version(self.database.version))

    @rule()
    def lose_history(self) -> None:
        self.delivered = len(self.database.groups)
        self.replica.restart(self.database.version)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5))
    def want(self, keys: list[Key]) -> None:
        self.replica.want(keys)

    @rule(key=KEYS)
    def watch(self, key: Key) -> None:
        self.replica.watch(key)
        self.watched.append(key)

    @precondition(lambda self: self.watched)
    @rule(data=st.data())
    def unwatch(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.watched))
        self.watched.remove(key)
        self.replica.unwatch(key)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5))
    def load_at_once(self, keys: list[Key]) -> None:
        self.replica.want(keys)
        self.start_load(100)
        while self.in_flight:
            self.replica.supply(self.in_flight.pop())

    @rule(limit=st.integers(1, 8))
    def start_load(self, limit: int) -> None:
        keys = self.replica.take_needs(limit)
        assert self.replica.position is not None
        if keys:
            load = self.database.load(keys, version=self.replica.position, epoch=self.replica.epoch)
            self.in_flight.append(load)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def finish_load(self, data: st.DataObject) -> None:
        load = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(load)
        for key in self.replica.supply(load):
            assert self.replica.holds(key) or self.replica.size <= 12

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def fail_load(self, data: st.DataObject) -> None:
        load = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(load)
        self.replica.give_back([*load.sets, *load.documents], epoch=load.epoch)

    @invariant()
    def holds_the_database_as_of_its_position(self) -> None:
        assert self.replica.position is not None
        truth = self.database.at(self.replica.position)
        for key, document in self.replica._documents.items():
            assert document == truth.document(key), key
        for collection, fields in self.replica._fields.items():
            for name, index in fields.items():
                for value in index.sets:
                    held = SetKey(collection, name, value)
                    assert self.replica.ids(held) == truth.ids(held), held

    @invariant()
    def keeps_a_bounded_number_of_unwatched_keys(self) -> None:
        assert self.replica.size <= 12 + len(set(self.watched))

    def teardown(self) -> None:
        """Once everything is delivered and loaded, everything that is watched is held."""
        for load in self.in_flight:
            self.replica.supply(load)
        for group in self.database.groups[self.delivered :]:
            self.replica.apply(group)
        self.replica.want(self.watched)
        for _ in range(10):
            keys = self.replica.take_needs(1_000)
            version, epoch = self.database.version, self.replica.epoch
            self.replica.supply(self.database.load(keys, version=version, epoch=epoch))
            self.holds_the_database_as_of_its_position()
        assert all(self.replica.holds(key) for key in self.watched)


TestReplica = ReplicaMachine.TestCase
TestReplica.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def replica_at(version: int) -> Replica:
    replica = Replica(idle_limit=100)
    replica.restart(Version(version))
    return replica


def test_a_load_older_than_its_need_is_refused_and_stays_needed() -> None:
    replica = replica_at(10)
    key = DocumentKey("a", 1)
    replica.apply(Group(Version(11), (Put(key, {"_id": 1, "x": 2}),)))
    replica.want([key])
    assert replica.take_needs(10) == [key]
    assert replica.supply(Load(Version(10), replica.epoch, {key: {"_id": 1, "x": 1}}, {})) == set()
    assert not replica.holds(key)
    assert replica.take_needs(10) == [key]


def test_a_load_from_before_a_restart_is_refused() -> None:
    replica = replica_at(10)
    key = DocumentKey("a", 1)
    replica.want([key])
    before = replica.epoch
    replica.restart(Version(5))
    replica.want([key])
    assert replica.supply(Load(Version(5), before, {key: None}, {})) == set()


def test_changes_that_arrive_during_a_load_are_applied_to_what_it_found() -> None:
    replica = replica_at(10)
    key, of_org = DocumentKey("m", 1), SetKey("m", "org", "o")
    replica.want([of_org])
    replica.take_needs(10)
    replica.apply(Group(Version(11), (Update(key, {"role": "owner"}),)))
    replica.apply(Group(Version(12), (Put(DocumentKey("m", 2), {"_id": 2, "org": "o"}),)))
    found = {key: {"_id": 1, "org": "o", "role": "member"}}
    replica.supply(Load(Version(10), replica.epoch, found, {of_org: frozenset({1})}))
    assert replica.ids(of_org) == frozenset({1, 2})
    assert replica.document(key) == {"_id": 1, "org": "o", "role": "owner"}


def test_an_update_that_cannot_be_applied_makes_the_document_unheld() -> None:
    replica = replica_at(10)
    key = DocumentKey("a", 1)
    replica.want([key])
    replica.supply(Load(Version(10), replica.epoch, {key: {"_id": 1}}, {}))
    assert replica.apply(Group(Version(11), (Update(key, {"list.7": 1}),))) == {key}
    assert not replica.holds(key)


def test_a_log_that_grows_too_long_asks_for_the_load_again() -> None:
    replica = replica_at(0)
    key = DocumentKey("a", 1)
    replica.want([key])
    assert replica.take_needs(10) == [key]
    for version in range(1, 20_003):
        replica.apply(Group(Version(version), (Put(DocumentKey("a", 2), {"_id": 2}),)))
    assert replica.take_needs(10) == [key]
    assert replica.supply(Load(Version(0), replica.epoch, {key: None}, {})) == set()
    assert replica.take_needs(10) == [key]
