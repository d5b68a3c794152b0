"""What a person reads of a trace, in a wide terminal, in a narrow one, and in a file."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from cli.traces import change, delivery, trace, view
from sessionwire.cli.tailing.ledger import Entry
from sessionwire.cli.tailing.lines import lines_of

if TYPE_CHECKING:
    from sessionwire.observing.facts import TraceFacts

TOLD = trace(
    stop="told",
    views=[view("session"), view("session", user="v"), view("organizations"), view("$identity")],
    deliveries=[
        delivery("c1", "written", written_at=0.9),
        delivery("c1", "written", written_at=1.4, id=2),
        delivery("c2", "acknowledged", written_at=1.2, acknowledged_at=20.0),
        delivery("c3", "kept", id=-1),
    ],
    delivery_counts={"written": 2, "acknowledged": 1, "kept": 1},
)


def said(facts: TraceFacts, *, width: int | None = None, again: bool = False) -> str:
    found = lines_of(Entry(facts, again), width=width, zone=UTC)
    return "\n".join(each.plain.rstrip() for each in found)


def test_in_a_file_everything_is_on_one_line_with_whole_ids() -> None:
    assert said(TOLD) == (
        "10:40:27.018   ~ user         update  a11ce0000000000000000001 name"
        "  session×2 organizations → 2 told  4.4 ms"
    )


def test_a_trace_that_came_further_is_marked() -> None:
    assert said(trace(), again=True).startswith("10:40:27.018 ↻ ~ user")


@pytest.mark.parametrize("width", [118, 150, 240])
def test_a_wide_terminal_has_one_line_for_it(width: int) -> None:
    (line,) = lines_of(Entry(TOLD), width=width)
    assert line.cell_len == width or line.plain.endswith("4.4 ms")
    assert line.cell_len <= width and "→ 2 told  4.4 ms" in line.plain


@pytest.mark.parametrize("width", [40, 80, 117])
def test_a_narrow_one_has_two_and_none_is_too_long(width: int) -> None:
    many = change(fields=[f"field{n}" for n in range(20)])
    facts = trace(
        stop="told",
        changes=[many],
        views=[view(name) for name in ("session", "organizations", "organization", "devices")],
        deliveries=[delivery("c1", "ended", reason="signed_out", written_at=15.3)],
    )
    first, second = lines_of(Entry(facts), width=width)
    assert first.cell_len <= width and second.cell_len <= width
    if width >= 80:
        assert second.plain.endswith("→ 1 ended (signed_out)  18.3 ms")


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        ("unheld", "nobody looks at it"),
        ("unread", "no query reads it"),
        ("idle", "nobody waits for the results"),
        ("equal", "same results as before"),
        ("loading", "still being loaded"),
        ("resync", "history was lost, everything was loaded anew"),
    ],
)
def test_where_it_stopped_is_said_in_words(stop: str, words: str) -> None:
    changes = [] if stop == "resync" else [change()]
    assert said(trace(stop=stop, changes=changes)).endswith(words)


def test_who_does_not_read_and_what_was_replaced_is_said() -> None:
    facts = trace(
        stop="waiting",
        deliveries=[delivery("c1", "offered"), delivery("c2", "coalesced")],
        delivery_counts={"offered": 1, "coalesced": 1},
    )
    assert said(facts).endswith("→ 1 not reading yet, 1 replaced by newer")


def test_why_connections_ended_is_said_by_their_own_session() -> None:
    facts = trace(
        stop="told",
        deliveries=[
            delivery("c1", "ended", id=-1, reason="revoked", written_at=1.0),
            delivery("c2", "ended", id=-1, reason="revoked", written_at=1.0),
            delivery("c3", "ended"),
        ],
    )
    assert "2 ended (revoked), 1 ended (left)" in said(facts) or (
        "1 ended (left), 2 ended (revoked)" in said(facts)
    )


@pytest.mark.parametrize("width", [40, 80, 118, 150])
def test_however_much_became_of_it_no_line_is_too_long(width: int) -> None:
    reasons = [f"a reason that nobody has heard of {n}" for n in range(9)]
    ended = [delivery(each, "ended", id=-1, reason=each) for each in reasons]
    lines = lines_of(Entry(trace(stop="told", deliveries=ended)), width=width)
    assert all(each.cell_len <= width for each in lines)


def test_a_transaction_names_its_other_changes() -> None:
    facts = trace(
        changes=[
            change(),
            change(collection="member", operation="insert"),
            change(collection="member", operation="insert"),
            change(collection="invitation"),
        ]
    )
    assert "name  and +member×2, ~invitation" in said(facts)


def test_fields_that_are_not_listed_are_counted() -> None:
    assert "name +2 unlisted" in said(trace(changes=[change(hidden=2)]))
    assert "1 unlisted" in said(trace(changes=[change(fields=[], hidden=1)]))


def test_names_cannot_steer_the_terminal() -> None:
    nasty = change(collection="a\x1b[31m", id="\u202eb\n", fields=["name.\x07c"])
    shown = said(trace(changes=[nasty, nasty]))
    assert not any(each in shown for each in "\x1b\u202e\x07\n")


def test_a_latency_by_clocks_that_disagree_is_not_negative() -> None:
    facts = trace(stop="told", lag=-20.0, deliveries=[delivery("c", "written", written_at=1.0)])
    assert said(facts).endswith("0.0 ms")
