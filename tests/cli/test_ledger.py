"""Each trace is printed once it is complete, and again only if something else became of it."""

from __future__ import annotations

from cli.traces import trace
from sessionwire.cli.tailing.ledger import Entry, Ledger


def test_a_complete_trace_is_printed_at_once_and_once() -> None:
    ledger = Ledger()
    assert ledger.take(trace(1), now=0) == [Entry(trace(1))]
    assert ledger.take(trace(1, revision=9), now=1) == []
    assert ledger.due_in(now=1) is None


def test_a_trace_on_its_way_is_held_back_until_it_is_complete() -> None:
    ledger = Ledger()
    assert ledger.take(trace(1, stop="loading"), now=0) == []
    assert ledger.due_in(now=0.4) == 0.6
    told = trace(1, stop="told", delivery_counts={"written": 1})
    assert ledger.take(told, now=0.5) == [Entry(told)]
    assert ledger.due_in(now=0.5) is None


def test_it_is_printed_as_it_stands_when_that_takes_too_long_and_again_marked() -> None:
    ledger = Ledger()
    waiting = trace(1, stop="waiting", delivery_counts={"offered": 1})
    ledger.take(waiting, now=0)
    ledger.take(waiting, now=0.9)
    assert ledger.due(now=0.99) == []
    assert ledger.due(now=1.0) == [Entry(waiting)]
    assert ledger.take(trace(1, stop="waiting", delivery_counts={"offered": 2}), now=2) == []
    replaced = trace(1, stop="told", delivery_counts={"offered": 0, "coalesced": 1})
    assert ledger.take(replaced, now=3) == [Entry(replaced, again=True)]
    assert ledger.take(replaced, now=4) == []


def test_that_a_client_shows_it_is_no_reason_to_print_it_again() -> None:
    ledger = Ledger()
    ledger.take(trace(1, stop="told", delivery_counts={"written": 2}), now=0)
    shown = trace(1, stop="told", delivery_counts={"written": 1, "acknowledged": 1})
    assert ledger.take(shown, now=1) == []


def test_one_who_comes_back_goes_on_after_the_newest() -> None:
    ledger = Ledger()
    assert ledger.resume is None
    ledger.begin(f"{5:016x}")
    assert ledger.resume == f"{5:016x}"
    ledger.take(trace(7), now=0)
    ledger.begin(f"{3:016x}")
    assert ledger.resume == f"{7:016x}"


def test_one_who_comes_back_asks_again_for_what_was_on_its_way() -> None:
    ledger = Ledger(since=f"{2:016x}")
    ledger.take(trace(4, stop="waiting"), now=0)
    ledger.take(trace(7), now=0)
    assert ledger.resume == f"{3:016x}"
    ledger.due(now=5)
    assert ledger.resume == f"{3:016x}", "printed, and still on its way"
    ledger.take(trace(4, stop="told"), now=6)
    assert ledger.resume == f"{7:016x}"
