"""Looks at every connection in turn: one timer for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PERIOD", "Pulse"]

PERIOD = 20
"""Seconds between two beats of one connection: a dead peer is found within twice that."""

_AT_ONCE = 16
"""How many beat one after the other; what they take, about a millisecond, everybody waits."""


class Beating(Protocol):
    def beat(self) -> None: ...


class Pulse:
    """Calls `beat` of each member every `PERIOD` seconds, about as many each second.

    A crowd that came at once does not beat at once: it would keep everybody waiting.
    """

    def __init__(self) -> None:
        self._parts: list[set[Beating]] = [set() for _ in range(PERIOD)]
        self._now = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Beating) -> int:
        """Its first beat is as far away as the others leave room. What it is told is for `remove`.

        Its second of the period is the emptiest, and of several the one that comes last.
        """
        order = ((self._now - 1 - seconds) % PERIOD for seconds in range(PERIOD))
        part = min(order, key=lambda part: len(self._parts[part]))
        self._parts[part].add(member)
        if self._timer is None:
            self._arm()
        return part

    def remove(self, member: Beating, part: int) -> None:
        self._parts[part].discard(member)

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if any(self._parts):
            self._arm()
        self.beat()

    def beat(self) -> None:
        """Let those beat whose second it is, spread over the second."""
        members = list(self._parts[self._now])
        self._now = (self._now + 1) % PERIOD
        some = [members[first : first + _AT_ONCE] for first in range(0, len(members), _AT_ONCE)]
        for number, each in enumerate(some):
            if number == 0:
                _beat(each)
            else:
                asyncio.get_running_loop().call_later(number / len(some), _beat, each)


def _beat(members: Sequence[Beating]) -> None:
    """One that has left meanwhile has nothing to look at."""
    for member in members:
        member.beat()
