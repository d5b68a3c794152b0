"""What happened to whom, for the application's hooks and for the webhook."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from sessionwire.auth.hooks import Hook
from sessionwire.model import ObjectId
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from sessionwire.auth.hooks import Listener
    from sessionwire.model import Version
    from sessionwire.store.mongo import Writing

__all__ = ["Event", "EventKind", "Events", "Outbox"]

logger = logging.getLogger("sessionwire.events")

_DRAINS_WITHIN = 5.0

EventKind = Literal[
    "user_created",
    "user_updated",
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
    id: str = field(default_factory=lambda: str(ObjectId()), kw_only=True)
    """No other event has it; the webhook's `jti`."""

    @property
    def said(self) -> tuple[str | None, ...]:
        """What it says; a write that is tried again notes it a second time."""
        return (self.kind, self.user_id, self.session_id, self.reason)


class Outbox(Protocol):
    """Keeps events until who is not of this process has them."""

    async def keep(self, writing: Writing, event: Event) -> None:
        """Write the event down, as one of the writes that it speaks of."""

    def release(self, event: Event, *, version: Version) -> None:
        """The writes that it speaks of are done; once `version` is shown it may be delivered."""


class Events:
    """Collects what a series of writes does, and tells it once they are done.

    `note` belongs directly before the write that it speaks of; `tell` after the last one. Hooks are
    called while `running`, at most once for each event: what is told to nobody else, or while the
    process ends, is lost. The outbox loses nothing.
    """

    def __init__(self, *, outbox: Outbox | None = None) -> None:
        self.outbox = outbox
        self.told: Counter[str] = Counter()
        """By kind, how many."""
        self.refused: Counter[str] = Counter()
        """Sign-ins that came to nothing, by the code of the refusal."""
        self._hooks: list[tuple[str, Hook]] = []
        self._running = False

    def listen(self, kind: str, listener: Listener) -> None:
        """Call it with each event of the kind; "revoked" is another name of "session_ended".

        Raises ValueError for a kind that there is not, and RuntimeError while running.
        """
        known = "session_ended" if kind == "revoked" else kind
        if known not in get_args(EventKind):
            raise ValueError(f"no event is called {kind!r}; there are {get_args(EventKind)}")
        if self._running:
            raise RuntimeError("register hooks before the server starts")
        self._hooks.append((known, Hook(listener)))

    async def note(self, writing: Writing, event: Event) -> None:
        """Remember it until the writes are done, and put it down for the webhook."""
        writing.notes.append(event)
        if self.outbox is not None:
            await self.outbox.keep(writing, event)

    async def tell(self, events: Sequence[Event], *, version: Version) -> None:
        """Pass them on, and return at once; `version` is where what they say is shown."""
        for event in {each.said: each for each in events}.values():
            logger.info("%s: user %s, session %s, reason %s", *event.said)
            self.told[event.kind] += 1
            for kind, hook in self._hooks:
                if kind == event.kind:
                    hook.offer(event, version)
        if self.outbox is not None:
            for event in events:
                self.outbox.release(event, version=version)

    @contextlib.asynccontextmanager
    async def running(self, until: Callable[[Version], Awaitable[None]]) -> AsyncIterator[None]:
        """Call the hooks while the block runs, and those that still wait at its end.

        `until` returns once this process shows a version; a hook is called after that.
        """
        self._running = True
        for _, hook in self._hooks:
            hook.begin()
        try:
            async with background(*(hook.run(until) for _, hook in self._hooks)):
                try:
                    yield
                finally:
                    await self._drain()
        finally:
            self._running = False

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAINS_WITHIN):
                for _, hook in self._hooks:
                    await hook.idle()
        except TimeoutError:
            logger.error("Stopping before all hooks were called")
