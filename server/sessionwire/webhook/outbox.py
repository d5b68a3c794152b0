"""The collection `event`: what still has to be delivered, written before the change it tells of.

A process that dies between the two leaves an event whose change may not have happened; one that
dies later leaves it for the others. An event is gone once it was delivered, or given up.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from sessionwire.errors import Unavailable
from sessionwire.webhook.tokens import KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sessionwire.auth.clock import Clock
    from sessionwire.auth.events import Event
    from sessionwire.model import Document, Version
    from sessionwire.store.mongo import Store, Writing

__all__ = ["EventOutbox"]

_COLLECTION = "sessionEvent"
_GRACE = timedelta(seconds=10)
"""How long the writes that follow an event may take; then anybody may deliver it."""
_LEASE = timedelta(seconds=60)
_RELEASED = 1_000


class EventOutbox:
    """Keeps events, and hands each of them to one deliverer at a time, in whatever process.

    `dueAt` is when an event may be taken next: after the grace, after a lease that was not used, or
    after the pause that follows a failure. `until` returns once this process shows a version: who
    is told of a change, and asks, must not be shown what was before.
    """

    def __init__(
        self, store: Store, *, clock: Clock, until: Callable[[Version], Awaitable[None]]
    ) -> None:
        self._store = store
        self._until = until
        self._clock = clock
        self._released: asyncio.Queue[tuple[str, Version]] = asyncio.Queue(_RELEASED)

    async def keep(self, writing: Writing, event: Event) -> None:
        """Write the event down, if it is one that leaves. Raises Unavailable."""
        if event.kind not in KINDS:
            return
        document = {
            "_id": event.id,
            "kind": event.kind,
            "userId": event.user_id,
            "sessionId": event.session_id,
            "reason": event.reason,
            "at": event.at,
            "txn": writing.notes[0].id if writing.notes else event.id,
            "attempts": 0,
            "dueAt": self._clock() + _GRACE,
        }
        await writing.insert_one(_COLLECTION, document)

    def release(self, event: Event, *, version: Version) -> None:
        """Its writes are done: it need not wait for the grace; what does not fit here waits."""
        if event.kind in KINDS and not self._released.full():
            self._released.put_nowait((event.id, version))

    async def next(self, *, within: float) -> Document | None:
        """An event that nobody else delivers now: one just released, else any that is due.

        None when there is none within so many seconds. Raises Unavailable.
        """
        try:
            async with asyncio.timeout(within):
                id, version = await self._released.get()
        except TimeoutError:
            return await self._take({"dueAt": {"$lte": self._clock()}})
        with contextlib.suppress(Unavailable):  # shown or not, it has happened
            await self._until(version)
        return await self._take({"_id": id, "attempts": 0})

    async def _take(self, filter: dict[str, object]) -> Document | None:
        lease = {"$set": {"dueAt": self._clock() + _LEASE}, "$inc": {"attempts": 1}}
        async with self._store.writing() as writing:
            return await writing.find_one_and_update(_COLLECTION, filter, lease)

    async def backlog(self) -> int:
        """About how many events wait, in all processes. Raises Unavailable."""
        return await self._store.estimate(_COLLECTION)

    async def forget(self, event: Document) -> None:
        """It was delivered, or given up."""
        async with self._store.writing() as writing:
            await writing.delete_one(_COLLECTION, {"_id": event["_id"]})

    async def postpone(self, event: Document, *, until: datetime) -> None:
        """It could not be delivered; unless its lease is over, and somebody else tries."""
        async with self._store.writing() as writing:
            mine = {"_id": event["_id"], "attempts": event["attempts"]}
            await writing.update_one(_COLLECTION, mine, {"$set": {"dueAt": until}})
