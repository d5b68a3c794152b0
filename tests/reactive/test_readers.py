"""Readers of keys: the same whether they are few or many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import ANONYMOUS
from sessionwire.reactive.change import DocumentKey
from sessionwire.reactive.outbox import Watch
from sessionwire.reactive.readers import Readers
from sessionwire.reactive.view import Context, Query

QUERY = Query("q", lambda ctx: None, Context, {}, frozenset(), {})
KEY = DocumentKey("a", 1)


@given(st.lists(st.integers(0, 11)))
def test_a_key_has_the_readers_that_were_added_and_not_removed(
    toggled: list[int],
) -> None:
    readers, watches = Readers(), [Watch(QUERY, ANONYMOUS, {}) for _ in range(12)]
    expected: set[int] = set()
    for number in toggled:
        if number in expected:
            readers.remove(KEY, watches[number])
        else:
            readers.add(KEY, watches[number])
        expected ^= {number}
        assert {id(each) for each in readers.affected([KEY])} == {id(watches[n]) for n in expected}
        assert len(readers.affected([KEY])) == len(expected)


def test_nothing_is_kept_of_a_key_without_readers() -> None:
    readers, watch = Readers(), Watch(QUERY, ANONYMOUS, {})
    readers.add(KEY, watch)
    readers.remove(KEY, watch)
    assert not readers._of
