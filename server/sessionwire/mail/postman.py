"""Carries letters in the background: nobody who asks for a mail waits for it, or learns of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter

__all__ = ["Carry", "Postman"]

logger = logging.getLogger("sessionwire.mail")

Carry = Callable[["Letter"], Awaitable[None]]
"""Delivers one letter, or raises; called again for the same letter after a failure."""

_QUEUE = 1_000
_CARRIERS = 4
_DEADLINE = 30.0
_PAUSES = (1.0, 5.0, 25.0)


class Postman:
    """A bounded queue in front of `carry`; what cannot be delivered is logged, without its text."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._queue: asyncio.Queue[Letter] = asyncio.Queue(_QUEUE)

    def send(self, letter: Letter) -> None:
        """Take the letter; with a full queue it is dropped and logged."""
        try:
            self._queue.put_nowait(letter)
        except asyncio.QueueFull:
            logger.error("A mail (%s) was dropped: too many wait", letter.kind)

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_CARRIERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._deliver(await self._queue.get())

    async def _deliver(self, letter: Letter) -> None:
        for pause in (*_PAUSES, None):
            try:
                async with asyncio.timeout(_DEADLINE):
                    await self._carry(letter)
                logger.info("Mail sent: %s", letter.kind)
                return
            except Exception as error:  # a carrier is an application's code, or a mail server
                if pause is None:
                    logger.error("A mail (%s) was given up: %s", letter.kind, type(error).__name__)
                    return
                logger.warning("A mail (%s) will be tried again: %s", letter.kind, error)
                await asyncio.sleep(pause)
