"""Tasks and deadlines: both end, whatever is done inside them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

__all__ = ["background", "deadline", "off_the_clock"]

logger = logging.getLogger("sessionwire")

_PATIENCE = 0.5
_WORTH_SAYING = 10
"""Tries after which it is said who does not end."""


@contextlib.asynccontextmanager
async def background(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the works while the block runs; when it ends, they are cancelled, and have ended.

    If one raises, the block is cancelled, and the error comes out as an ExceptionGroup. Tasks are
    cancelled again until they end: before Python 3.12 `asyncio.wait_for`, which the driver uses,
    loses a cancellation that arrives together with the result (python/cpython#86296).
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            tries = 0
            while running := [task for task in tasks if not task.done()]:
                for task in running:
                    task.cancel()
                await asyncio.wait(running, timeout=_PATIENCE)
                tries += 1
                if tries % _WORTH_SAYING == 0:
                    logger.warning("Still waiting for the end of %s", running)


_deadline: ContextVar[asyncio.Timeout | None] = ContextVar("deadline", default=None)


@contextlib.asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError when the block takes longer, what is `off_the_clock` not counted."""
    async with asyncio.timeout(seconds) as timeout:
        token = _deadline.set(timeout)
        try:
            yield
        finally:
            _deadline.reset(token)


@contextlib.contextmanager
def off_the_clock() -> Iterator[None]:
    """Stop the clock of the deadline around it: for a wait that is bounded otherwise."""
    timeout = _deadline.get()
    ends_at = None if timeout is None else timeout.when()
    if timeout is None or ends_at is None:
        yield
        return
    now = asyncio.get_running_loop().time
    left = ends_at - now()
    timeout.reschedule(None)
    try:
        yield
    finally:
        timeout.reschedule(now() + left)
