"""Looks at every connection in turn: one timer for all of them."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["PERIOD", "Pulse"]

PERIOD = 20
"""Seconds between two beats of one connection: a dead peer is found within twice that."""


class Beating(Protocol):
    def beat(self) -> None: ...


class Pulse:
    """Calls `beat` of each member every `PERIOD` seconds, a part of them each second."""

    def __init__(self) -> None:
        self._parts: list[set[Beating]] = [set() for _ in range(PERIOD)]
        self._now = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Beating) -> int:
        """Its first beat is a whole period away. What it is told is for `remove`."""
        part = (self._now - 1) % PERIOD
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
        """Let those beat whose second it is."""
        members = list(self._parts[self._now])
        self._now = (self._now + 1) % PERIOD
        for member in members:
            member.beat()
