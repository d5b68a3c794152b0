"""Posts events to the webhook (RFC 8935) until it takes them: at least once, for three days."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from sessionwire.errors import Unavailable
from sessionwire.tasks import background
from sessionwire.webhook.tokens import MEDIA_TYPE, security_event_token

if TYPE_CHECKING:
    from sessionwire.auth.clock import Clock
    from sessionwire.model import Document
    from sessionwire.webhook.outbox import EventOutbox
    from sessionwire.webhook.tokens import Sender

__all__ = ["Delivery"]

logger = logging.getLogger("sessionwire.webhook")

_DELIVERERS = 4
_GIVEN_UP_AFTER = timedelta(days=3)
_LONGEST_PAUSE = 3_600.0
_HEADERS = {"content-type": MEDIA_TYPE, "accept": "application/json", "user-agent": "sessionwire"}


class Delivery:
    """Takes events from the outbox and sends them. Their order is not kept: `toe` tells it.

    Any 2xx is "taken". Redirects are not followed, answers not read. After a failure the next try
    comes after one second, then twice as late each time, up to an hour, give or take a half.
    """

    def __init__(
        self,
        outbox: EventOutbox,
        *,
        sender: Sender,
        clock: Clock,
        deadline: float = 10.0,
        poll: float = 2.0,
    ) -> None:
        self.ended: Counter[str] = Counter()
        """Tries, by what became of them: `taken`, `failed`, `given_up`."""
        self._outbox = outbox
        self._sender = sender
        self._clock = clock
        self._deadline = deadline
        self._poll = poll

    async def backlog(self) -> int:
        """About how many events wait. Raises Unavailable."""
        return await self._outbox.backlog()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with (
            httpx.AsyncClient(timeout=self._deadline, follow_redirects=False) as client,
            background(*(self._work(client) for _ in range(_DELIVERERS))),
        ):
            await asyncio.get_running_loop().create_future()

    async def _work(self, client: httpx.AsyncClient) -> None:
        busy = False
        while True:
            within = 0.0 if busy else self._poll * random.uniform(0.5, 1.5)
            try:
                event = await self._outbox.next(within=within)
                busy = event is not None
                if event is not None:
                    await self._deliver(client, event)
            except Unavailable as error:
                logger.warning("The outbox cannot be read: %s", error)
                await asyncio.sleep(self._poll)
            except (
                LookupError,
                TypeError,
            ) as error:  # another program wrote it; its lease runs out
                logger.error("What stands in the outbox is no event: %s", type(error).__name__)

    async def _deliver(self, client: httpx.AsyncClient, event: Document) -> None:
        failure = await self._failure(client, event)
        if failure is None:
            self.ended["taken"] += 1
            logger.info("The webhook has taken %s %s", event["kind"], event["_id"])
            await self._outbox.forget(event)
            return
        now = self._clock()
        if now - event["at"] >= _GIVEN_UP_AFTER:
            self.ended["given_up"] += 1
            logger.error("Giving up %s %s: %s", event["kind"], event["_id"], failure)
            await self._outbox.forget(event)
            return
        self.ended["failed"] += 1
        pause = _pause(event["attempts"])
        logger.warning("The webhook did not take %s: %s", event["_id"], failure)
        await self._outbox.postpone(event, until=now + timedelta(seconds=pause))

    async def _failure(self, client: httpx.AsyncClient, event: Document) -> str | None:
        """Why it was not taken; None when it was."""
        try:
            token = security_event_token(event, self._sender)
            async with (
                asyncio.timeout(self._deadline),
                client.stream(
                    "POST", self._sender.audience, content=token, headers=_HEADERS
                ) as answer,
            ):
                return None if answer.is_success else f"status {answer.status_code}"
        except Exception as error:  # whatever it is, the other events have to leave
            return type(error).__name__


def _pause(attempts: int) -> float:
    """Seconds; so many tries were made."""
    doubled: float = min(2.0 ** min(attempts - 1, 30), _LONGEST_PAUSE)
    return doubled * random.uniform(0.5, 1.5)
