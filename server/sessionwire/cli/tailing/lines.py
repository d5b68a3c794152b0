"""A trace as a person reads it: one line where there is room, two in a narrow terminal; pure."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from sessionwire.cli.tailing.ledger import Entry
    from sessionwire.observing.facts import ChangeFacts, DeliveryFacts, TraceFacts

__all__ = ["WIDE", "lines_of"]

WIDE = 118
"""Columns from which on everything is on one line."""

_SIGNS = {
    "insert": ("+", "green"),
    "replace": ("=", "cyan"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "drop": ("!", "bold red"),
}
_STOPS = {
    "unheld": "nobody looks at it",
    "unread": "no query reads it",
    "idle": "nobody waits for the results",
    "equal": "same results as before",
    "loading": "still being loaded",
    "resync": "history was lost, everything was loaded anew",
}
_QUIET = frozenset({"unheld", "unread", "idle", "equal"})
_TOLD = frozenset({"written", "acknowledged"})
_INDENT = 15
_ID = 10
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_OWN = -1
"""The `id` by which deliveries name the connection's own session."""


def lines_of(entry: Entry, *, width: int | None, zone: tzinfo | None = None) -> list[Text]:
    """The lines, none longer than `width`; None: as long as it takes, with whole ids.

    Times are those of `zone`; None: of this machine.
    """
    facts = entry.facts
    head, what = _head(entry, zone), _what(facts, short=width is not None)
    if width is None:
        return [head.append_text(what).append("  ").append_text(_became(facts))]
    if width < WIDE:
        first = head.append_text(what)
        second = Text(" " * _INDENT).append_text(_became(facts, room=width - _INDENT))
        for each in (first, second):
            each.truncate(width, overflow="ellipsis")
        return [first, second]
    became = _became(facts, room=width // 2)
    room = max(0, width - head.cell_len - became.cell_len - 2)
    what.truncate(room, overflow="ellipsis", pad=True)
    line = head.append_text(what).append("  ").append_text(became)
    line.truncate(width, overflow="ellipsis")
    return [line]


def _head(entry: Entry, zone: tzinfo | None) -> Text:
    facts = entry.facts
    when = datetime.fromisoformat(facts.wall or facts.received).astimezone(zone)
    shown = f"{when:%H:%M:%S}.{when.microsecond // 1000:03d} "
    text = Text().append(shown, style="dim")
    return text.append("↻ " if entry.again else "  ", style="bold magenta")


def _what(facts: TraceFacts, *, short: bool) -> Text:
    """What changed: the first change in full, of a transaction the others by their collections."""
    text = Text()
    if not facts.changes:
        return text.append("! ", "bold red").append("resync" if facts.stop == "resync" else "")
    _describe(text, facts.changes[0], short=short)
    others = Counter(
        f"{_SIGNS[each.operation][0]}{_harmless(each.collection)}" for each in facts.changes[1:]
    )
    if others:
        named = ", ".join(f"{name}×{n}" if n > 1 else name for name, n in others.items())
        text.append(f"  and {named}", style="cyan")
    return text


def _describe(text: Text, change: ChangeFacts, *, short: bool) -> None:
    sign, style = _SIGNS[change.operation]
    text.append(f"{sign} ", style=style)
    text.append(f"{_harmless(change.collection):<12} ", style="bold")
    text.append(f"{change.operation:<7} ", style=style)
    id = _harmless(change.id or "-")
    shown = f"…{id[1 - _ID :]}" if short and len(id) > _ID else id
    text.append(f"{shown:<{_ID if short else 24}} ", style="blue")
    fields = ", ".join(change.fields)
    if change.hidden:
        fields += f" +{change.hidden} unlisted" if fields else f"{change.hidden} unlisted"
    text.append(_harmless(fields))


def _harmless(name: str) -> str:
    """Names that any program chose cannot steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", name)


def _became(facts: TraceFacts, *, room: int | None = None) -> Text:
    """Which queries it touched, who was told how fast, or why nobody was; those queries give way
    where there is no room for all of it."""
    text = _outcome(facts)
    views = Text().append(_views(facts), style="cyan")
    if room is not None:
        views.truncate(max(0, room - text.cell_len - 1), overflow="ellipsis")
    return views.append(" ").append_text(text) if views else text


def _outcome(facts: TraceFacts) -> Text:
    text = Text()
    if facts.stop in _QUIET and not facts.deliveries:
        return text.append(f"· {_STOPS[facts.stop]}", style="dim")
    parts = _parts(facts)
    if facts.stop in ("loading", "resync") or not parts:
        parts.append((_STOPS.get(facts.stop, "no connection concerned"), "yellow"))
    text.append("→ ", style="dim")
    for number, (part, style) in enumerate(parts):
        text.append(", " if number else "").append(part, style=style)
    took = _latency(facts)
    if took is not None:
        text.append(f"  {_milliseconds(took)}", style="bold" if took < 1000 else "bold red")
    return text


def _views(facts: TraceFacts) -> str:
    """`session×2 organizations`; queries that no client can ask for are left out."""
    names = Counter(each.query for each in facts.views if not each.query.startswith("$"))
    return " ".join(f"{name}×{n}" if n > 1 else name for name, n in names.items())


def _parts(facts: TraceFacts) -> list[tuple[str, str]]:
    """What became of it on the connections that it concerns."""
    told = {each.connection for each in facts.deliveries if each.state in _TOLD}
    waiting = {each.connection for each in facts.deliveries if each.state == "offered"}
    parts = []
    if told:
        more = "+" if len(facts.deliveries) < sum(facts.delivery_counts.values()) else ""
        parts.append((f"{len(told)}{more} told", "green"))
    if waiting:
        parts.append((f"{len(waiting)} not reading yet", "yellow"))
    coalesced = facts.delivery_counts.get("coalesced", 0)
    if coalesced:
        parts.append((f"{coalesced} replaced by newer", "magenta"))
    return parts + _endings(facts.deliveries)


def _endings(deliveries: list[DeliveryFacts]) -> list[tuple[str, str]]:
    reasons = {
        each.connection: each.reason or "left"
        for each in sorted(deliveries, key=lambda one: one.id == _OWN)
        if each.state == "ended"
    }
    return [(f"{n} ended ({reason})", "red") for reason, n in Counter(reasons.values()).items()]


def _latency(facts: TraceFacts) -> float | None:
    """Milliseconds from the write to the last frame, by MongoDB's clock and ours."""
    written = [each.written_at for each in facts.deliveries if each.written_at is not None]
    if not written:
        return None
    return max(0.0, (facts.lag or 0.0) + max(written))


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.1f} s"
