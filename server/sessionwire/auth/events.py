"""What happened to whom, for the application's hooks and for the webhook."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.store.mongo import Writing

__all__ = ["Event", "EventKind", "Events", "Listener"]

logger = logging.getLogger("sessionwire.events")

EventKind = Literal[
    "user_created",
    "user_deleted",
    "signed_in",
    "session_ended",
    "credential_changed",
    "email_changed",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; ids are as the wires write them."""

    kind: EventKind
    at: datetime
    user_id: str
    session_id: str | None = None
    reason: str | None = None
    """Of a session that ended: why (`EndReason`); of a credential: which, such as `password`."""


Listener = Callable[[Event], Awaitable[None] | None]


class Events:
    """Collects what a series of writes does, and tells it once they are done.

    `note` belongs directly before the write that it speaks of; `tell` after the last one.
    """

    def __init__(self) -> None:
        self._listeners: list[tuple[EventKind, Listener]] = []

    def listen(self, kind: EventKind, listener: Listener) -> None:
        self._listeners.append((kind, listener))

    async def note(self, writing: Writing, event: Event) -> None:
        """Remember it until the writes are done."""
        writing.notes.append(event)

    async def tell(self, events: Iterable[Event]) -> None:
        """Call who listens; a listener that fails is logged, and stops nobody."""
        for event in events:
            for kind, listener in self._listeners:
                if kind == event.kind:
                    await self._call(listener, event)

    async def _call(self, listener: Listener, event: Event) -> None:
        try:
            pending = listener(event)
            if pending is not None:
                await pending
        except Exception:  # an application's code
            logger.exception("A listener of %s failed", event.kind)
