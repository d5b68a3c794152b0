"""What a source of traces says to who prints them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionwire.observing.facts import MissedFacts, TraceFacts

__all__ = ["Began", "Broke", "Event", "Events", "Missed", "Seen"]


@dataclass(frozen=True, slots=True)
class Began:
    """Traces come from now on. `where` is for people, `process` names one run of a server."""

    where: str
    process: str
    version: str


@dataclass(frozen=True, slots=True)
class Seen:
    facts: TraceFacts


@dataclass(frozen=True, slots=True)
class Missed:
    facts: MissedFacts
    remedy: str


@dataclass(frozen=True, slots=True)
class Broke:
    """The source is gone, and is being looked for again."""

    reason: str


Event = Began | Seen | Missed | Broke
Events = AsyncGenerator[Event]
