"""Carries letters in the background: nobody who asks for a mail waits for it, or learns of it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sessionwire.tasks import background

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
    """A bounded queue in front of `carry`; a letter is tried again after each of the `pauses`.

    The log names the kind of a letter and the kind of a failure: a mail server's words may repeat
    an address, and a letter holds a token.
    """

    def __init__(
        self, carry: Carry, *, queue: int = _QUEUE, pauses: tuple[float, ...] = _PAUSES
    ) -> None:
        self._carry = carry
        self._pauses = pauses
        self._queue: asyncio.Queue[Letter] = asyncio.Queue(queue)
        self._undelivered = 0
        self.ended: Counter[str] = Counter()
        """By what became of them: `sent`, `given_up`, `dropped`."""

    @property
    def waiting(self) -> int:
        """How many are still to be sent."""
        return self._undelivered

    def send(self, letter: Letter) -> None:
        """Take the letter; with a full queue it is dropped and logged."""
        try:
            self._queue.put_nowait(letter)
            self._undelivered += 1
        except asyncio.QueueFull:
            self.ended["dropped"] += 1
            logger.error("A mail (%s) was dropped: too many wait", letter.kind)

    async def run(self) -> None:
        """Deliver until cancelled; what is not delivered then is lost, and counted."""
        try:
            async with background(*(self._work() for _ in range(_CARRIERS))):
                await asyncio.get_running_loop().create_future()
        finally:
            if self._undelivered:
                logger.warning("%d mails were not sent before the end", self._undelivered)

    async def _work(self) -> None:
        while True:
            await self._deliver(await self._queue.get())
            self._undelivered -= 1

    async def _deliver(self, letter: Letter) -> None:
        for pause in (*self._pauses, None):
            try:
                async with asyncio.timeout(_DEADLINE):
                    await self._carry(letter)
                self.ended["sent"] += 1
                logger.info("Mail sent: %s", letter.kind)
                return
            except Exception as error:  # a carrier is an application's code, or a mail server
                cause = type(error).__name__
                if pause is None:
                    self.ended["given_up"] += 1
                    logger.error("A mail (%s) was given up: %s", letter.kind, cause)
                    return
                logger.warning("A mail (%s) will be tried again: %s", letter.kind, cause)
                await asyncio.sleep(pause)
