"""Ends background tasks, also when a library swallows a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

__all__ = ["background"]

_PATIENCE = 0.5


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
            while running := [task for task in tasks if not task.done()]:
                for task in running:
                    task.cancel()
                await asyncio.wait(running, timeout=_PATIENCE)
