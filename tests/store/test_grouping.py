"""Events put together by their cluster time, however MongoDB cut them into batches."""

from __future__ import annotations

from typing import Any

from bson import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import Version
from sessionwire.reactive.change import Delete, Group
from sessionwire.store.decode import decode_event, event_version
from sessionwire.store.grouping import Event, Grouping


def event(time: int, id: int = 0, *, transaction: bool = False) -> dict[str, Any]:
    more = {"txnNumber": 1} if transaction else {}
    return {
        "_id": {"_data": f"{time}.{id}"},
        "operationType": "delete",
        "clusterTime": Timestamp(0, time),
        "ns": {"db": "app", "coll": "user"},
        "documentKey": {"_id": id},
        **more,
    }


class Reader:
    """Reads events as documents; `idle` is the document that nobody heeds."""

    def __init__(self, idle: int | None = None) -> None:
        self.idle = idle
        self.read_: list[int] = []

    def look(self, event: dict[str, Any]) -> Event:
        if event["documentKey"]["_id"] == self.idle:
            return Event(event_version(event), None)
        return self.read(event)

    def read(self, event: dict[str, Any]) -> Event:
        self.read_.append(event["documentKey"]["_id"])
        return Event(event_version(event), decode_event(event), None, "txnNumber" in event)

    def token(self, event: dict[str, Any]) -> Any:
        return event["_id"]


def told(groups: list[Group]) -> list[tuple[int, list[Any]]]:
    """Each group's version and the ids in it."""
    return [
        (group.version, [each.key.id for each in group.changes if isinstance(each, Delete)])
        for group in groups
    ]


def test_the_last_event_of_a_batch_that_is_not_full_is_complete() -> None:
    grouping = Grouping(Reader())
    assert told(grouping.take([event(1), event(2)])) == [(1, [0]), (2, [0])]
    assert not grouping.unfinished


def test_a_full_batch_keeps_its_last_group_back() -> None:
    grouping = Grouping(Reader())
    assert told(grouping.take([event(1), event(2)], full=True)) == [(1, [0])]
    assert grouping.unfinished
    assert told(grouping.take([event(3)])) == [(2, [0]), (3, [0])]


def test_a_full_batch_keeps_nothing_back_once_the_stream_is_past_it() -> None:
    grouping = Grouping(Reader())
    assert told(grouping.take([event(1), event(2)], full=True, reached=Version(3))) == [
        (1, [0]),
        (2, [0]),
    ]


def test_a_transaction_split_over_batches_is_one_group() -> None:
    grouping = Grouping(Reader())
    first = [event(1), *(event(2, id, transaction=True) for id in range(3))]
    assert told(grouping.take(first, reached=Version(2))) == [(1, [0])]
    assert grouping.unfinished
    second = [event(2, 3, transaction=True)]
    assert grouping.take(second, reached=Version(2)) == []
    assert told(grouping.take([], reached=Version(2))) == [(2, [0, 1, 2, 3])]
    assert not grouping.unfinished


def test_a_transaction_that_the_stream_has_passed_needs_no_further_batch() -> None:
    grouping = Grouping(Reader())
    events = [event(2, id, transaction=True) for id in range(2)]
    assert told(grouping.take(events, reached=Version(3))) == [(2, [0, 1])]


def test_several_events_of_one_time_may_go_on_although_they_are_no_transaction() -> None:
    """A server may write many inserts as one entry of its log."""
    grouping = Grouping(Reader())
    assert grouping.take([event(2, 0), event(2, 1)], reached=Version(2)) == []
    assert told(grouping.take([event(2, 2)], reached=Version(2))) == []
    assert told(grouping.take([], reached=Version(2))) == [(2, [0, 1, 2])]


def test_a_sharded_cluster_has_to_be_past_a_group_for_it_to_be_complete() -> None:
    grouping = Grouping(Reader(), sharded=True)
    assert told(grouping.take([event(1), event(2)], reached=Version(2))) == [(1, [0])]
    assert grouping.take([], reached=Version(2)) == []  # another shard may be late
    assert told(grouping.take([event(2, 1)], reached=Version(2))) == []
    assert told(grouping.take([], reached=Version(3))) == [(2, [0, 1])]
    assert not grouping.unfinished


def test_the_end_of_the_stream_completes_what_was_held_back() -> None:
    grouping = Grouping(Reader(), sharded=True)
    grouping.take([event(1)], reached=Version(1))
    assert told(grouping.finish()) == [(1, [0])]
    assert grouping.finish() == []


def test_an_unfinished_group_is_read_again_from_the_event_before_it() -> None:
    grouping = Grouping(Reader())
    grouping.take([event(1, 4), event(2, 5)], full=True)
    assert grouping.resume == {"_data": "1.4"}


def test_a_group_that_began_with_the_cursor_has_no_event_before_it() -> None:
    grouping = Grouping(Reader())
    grouping.take([event(1, 4, transaction=True)], reached=Version(1))
    assert grouping.unfinished
    assert grouping.resume is None


def test_an_event_that_changes_nothing_still_makes_a_group() -> None:
    nothing = {**event(5), "operationType": "create"}
    assert Grouping(Reader()).take([nothing]) == [Group(Version(5), ())]


def test_an_empty_batch_says_nothing_when_nothing_is_held_back() -> None:
    assert Grouping(Reader()).take([], reached=Version(9)) == []


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 6), min_size=1),
    sharded=st.booleans(),
    tokens=st.booleans(),
)
def test_however_the_batches_are_cut_every_group_is_whole_and_in_order(
    *, sizes: list[int], cuts: list[int], sharded: bool, tokens: bool
) -> None:
    events = [
        event(time, id, transaction=size > 1)
        for time, size in enumerate(sizes, 1)
        for id in range(size)
    ]
    grouping, groups, taken = Grouping(Reader(), sharded=sharded), [], 0
    while taken < len(events):
        batch = events[taken : taken + cuts[taken % len(cuts)]]
        taken += len(batch)
        reached = Version(batch[-1]["clusterTime"].inc) if tokens else None
        groups += grouping.take(batch, full=taken < len(events), reached=reached)
    groups += grouping.take([], reached=Version(len(sizes) + 1))
    assert told(groups) == [(time, list(range(size))) for time, size in enumerate(sizes, 1)]
    assert not grouping.unfinished


def test_what_nobody_heeds_is_not_read_and_moves_the_stream_on() -> None:
    reader = Reader(idle=2)
    grouping = Grouping(reader)
    groups = grouping.take([event(1, id=1), event(2, id=2), event(3, id=2)])
    assert told(groups) == [(1, [1])]
    assert grouping.finished == 3
    assert reader.read_ == [1]


def test_what_nobody_heeded_is_read_when_its_group_has_to_wait() -> None:
    """Somebody may ask for the document before the group is applied."""
    grouping = Grouping(Reader(idle=1))
    assert grouping.take([event(1, id=1)], full=True) == []
    (group,) = grouping.finish()
    assert len(group.changes) == 1
