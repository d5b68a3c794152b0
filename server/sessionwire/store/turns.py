"""Whose turn it is: of this process' transactions that lock one document, one runs at a time.

MongoDB has the second of two such transactions fail and begin again. Of fifty at once each would
undo the work of others until some ran out of time; in line each is run once. Between processes it
stays MongoDB's to decide.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from sessionwire.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Turns"]


class Turns:
    def __init__(self) -> None:
        self._lines: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    def __len__(self) -> int:
        """How many documents somebody is at."""
        return len(self._lines)

    @contextlib.asynccontextmanager
    async def at(self, collection: str, id: Any, *, until: float) -> AsyncIterator[None]:
        """In turn, first come first served.

        Raises Unavailable when that is not by `until`, in seconds of the loop's clock.
        """
        key = (collection, repr(id))
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = asyncio.Lock()
        try:
            async with asyncio.timeout_at(until):
                await line.acquire()
        except TimeoutError:
            raise Unavailable("Others are changing the same, for too long.") from None
        try:
            yield
        finally:
            line.release()
