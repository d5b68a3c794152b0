"""How often somebody may try: rules, and what one more try makes of a count; time comes in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

__all__ = [
    "ACCOUNT",
    "CREDENTIALS",
    "DEFAULT",
    "LETTERS",
    "MAIL",
    "Count",
    "Recent",
    "Rule",
    "Waiting",
    "step",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """`pauses[n]` are the seconds to wait after try n + 1, the last of them after every later one.

    Tries are forgotten when none was allowed for `window` seconds. Tries that are refused count for
    nothing: who goes on asking does not wait longer.
    """

    window: float
    pauses: tuple[float, ...]

    @classmethod
    def at_most(cls, tries: int, *, seconds: float) -> Rule:
        """better-auth's: so many, then none until so long after the last one that was allowed."""
        return cls(seconds, (0.0,) * (tries - 1) + (seconds,))

    @property
    def longest(self) -> float:
        """Seconds after which nothing of a count matters any more."""
        return max(self.window, *self.pauses)


DEFAULT = Rule.at_most(100, seconds=10)
CREDENTIALS = Rule.at_most(3, seconds=10)
MAIL = Rule.at_most(3, seconds=60)
ACCOUNT = Rule(15 * 60, (0.0,) * 9 + (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0))
"""Wrong passwords of one account: ten, then ever slower, but never slower than one a minute."""


LETTERS = Rule(60 * 60, (0.0, 0.0, 60.0, 300.0, 900.0))
"""Letters to one address that anybody may ask for."""


@dataclass(frozen=True, slots=True)
class Count:
    """The tries so far, the moment of the last one, and when the next one may be."""

    tries: int
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """This try is refused, and changed nothing."""

    seconds: float


def step(count: Count | None, rule: Rule, *, now: float) -> Count | Waiting:
    """What one more try at `now` (seconds) makes of the count."""
    if count is not None and now < count.until:
        return Waiting(min(count.until - now, rule.longest))
    fresh = count is None or now - count.at >= rule.window
    tries = 1 if fresh or count is None else count.tries + 1
    pause = rule.pauses[min(tries, len(rule.pauses)) - 1]
    return Count(tries, now, now + pause)


class Recent:
    """The counts of one rule in memory: at most `capacity`, the longest unused goes first.

    Keys that a peer chooses cannot make it grow (RL-01); many of them make it forget early.
    """

    def __init__(self, rule: Rule, *, capacity: int) -> None:
        self._rule = rule
        self._capacity = capacity
        self._counts: OrderedDict[str, Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def take(self, key: str, *, now: float) -> float:
        """The seconds to wait; 0 when this try is allowed, and counted."""
        after = step(self._counts.get(key), self._rule, now=now)
        if isinstance(after, Waiting):
            self._counts.move_to_end(key)
            return after.seconds
        self._counts[key] = after
        self._counts.move_to_end(key)
        if len(self._counts) > self._capacity:
            self._counts.popitem(last=False)
        return 0.0
