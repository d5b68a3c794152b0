"""Which traces are printed, and when: once each is complete, and again if it came further; pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.model import format_version, parse_version

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sessionwire.observing.facts import TraceFacts

__all__ = ["Entry", "Ledger"]

_PATIENCE = 1.0
_KEPT = 4_000
_OPEN = frozenset({"waiting", "loading"})
"""Where a change is still on its way."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A trace to be printed; `again`: it was printed before, and has come further since."""

    facts: TraceFacts
    again: bool = False


class Ledger:
    """Remembers what was printed, by version. It has no clock: `now` are seconds of the caller's.

    A trace on its way is held back for a second, then printed as it stands.
    """

    def __init__(self, *, since: str | None = None, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._held: dict[str, tuple[float, TraceFacts]] = {}
        self._printed: OrderedDict[str, Hashable] = OrderedDict()
        self._open: dict[str, None] = {}
        self._newest = since

    def begin(self, version: str) -> None:
        """The source is at this version; what is older was not asked for."""
        self._newest = self._newest or version

    @property
    def resume(self) -> str | None:
        """After which version to go on so that nothing is missed; None: from the present."""
        unfinished = [*self._held, *self._open]
        if not unfinished:
            return self._newest
        return format_version(parse_version(min(unfinished)) - 1)

    def take(self, facts: TraceFacts, *, now: float) -> list[Entry]:
        """What the trace, as it is now, gives to print at once."""
        version = facts.version
        self._newest = max(self._newest or "", version)
        if version in self._printed:
            return self._taken_again(facts)
        if facts.stop in _OPEN:
            until = self._held[version][0] if version in self._held else now + self._patience
            self._held[version] = (until, facts)
            return []
        self._held.pop(version, None)
        return [self._print(facts)]

    def _taken_again(self, facts: TraceFacts) -> list[Entry]:
        version = facts.version
        if facts.stop in _OPEN or _outcome(facts) == self._printed[version]:
            return []
        self._open.pop(version, None)
        return [self._print(facts, again=True)]

    def due(self, *, now: float) -> list[Entry]:
        """Those that were held back for long enough."""
        late = [facts for until, facts in self._held.values() if until <= now]
        for facts in late:
            del self._held[facts.version]
            self._open[facts.version] = None
        return [self._print(facts) for facts in late]

    def due_in(self, *, now: float) -> float | None:
        """Seconds until `due` has something; None: nothing is held back."""
        waits = [until - now for until, _ in self._held.values()]
        return max(0.0, min(waits)) if waits else None

    def _print(self, facts: TraceFacts, *, again: bool = False) -> Entry:
        self._printed[facts.version] = _outcome(facts)
        self._printed.move_to_end(facts.version)
        while len(self._printed) > _KEPT:
            version, _ = self._printed.popitem(last=False)
            self._open.pop(version, None)
        return Entry(facts, again)


def _outcome(facts: TraceFacts) -> Hashable:
    """What became of it. That a client shows what it was told is no other outcome."""
    counts = dict(facts.delivery_counts)
    counts["written"] = counts.get("written", 0) + counts.pop("acknowledged", 0)
    return (
        facts.stop,
        tuple(sorted((name, number) for name, number in counts.items() if number)),
        tuple(sorted(facts.view_counts.items())),
    )
