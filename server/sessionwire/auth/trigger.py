"""Runs onboarding for whoever appears in the collection `user`, whichever program inserted them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sessionwire.auth import onboarding
from sessionwire.errors import SessionwireError
from sessionwire.reactive.change import Put

if TYPE_CHECKING:
    from sessionwire.auth.clock import Clock
    from sessionwire.auth.events import Events
    from sessionwire.model import Id
    from sessionwire.reactive.change import Change
    from sessionwire.store.mongo import Store

__all__ = ["OnboardingTrigger"]

logger = logging.getLogger("sessionwire.onboarding")

_QUEUE = 1_000
_RETRY = 1.0


class OnboardingTrigger:
    """Observes changes, and works through the new users one after the other.

    A sweep at the start, and whenever something went wrong, finds everybody whom the stream did not
    show: those inserted while no server ran, and those whose process was killed half-way.
    """

    def __init__(
        self, store: Store, *, personal_workspace: bool, clock: Clock, events: Events
    ) -> None:
        self._store = store
        self._events = events
        self._personal_workspace = personal_workspace
        self._clock = clock
        self._inserted: asyncio.Queue[Id] = asyncio.Queue(_QUEUE)
        self._sweep = True

    def observe(self, change: Change) -> None:
        """Note an inserted user; anything else is none of our business."""
        if isinstance(change, Put) and change.inserted and change.key.collection == "user":
            try:
                self._inserted.put_nowait(change.key.id)
            except asyncio.QueueFull:
                self._sweep = True

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                if self._sweep:
                    self._sweep = False
                    await self._sweep_all()
                await self._ensure(await self._inserted.get())
            except SessionwireError as error:
                logger.warning("Onboarding will be tried again: %s", error)
                self._sweep = True
                await asyncio.sleep(_RETRY)

    async def _sweep_all(self) -> None:
        count = await onboarding.sweep(
            self._store,
            now=self._clock(),
            personal_workspace=self._personal_workspace,
            events=self._events,
        )
        if count:
            logger.info("Onboarded %d users that nobody had set up", count)

    async def _ensure(self, user_id: Id) -> None:
        await onboarding.ensure(
            self._store,
            user_id,
            now=self._clock(),
            personal_workspace=self._personal_workspace,
            events=self._events,
        )
