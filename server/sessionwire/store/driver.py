"""Where PyMongo's async API and Motor differ: making and closing a client, starting a session.

And where PyMongo waits so that nobody may give up: that is mended here, for the whole process.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Literal

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous import pool, topology

from sessionwire.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cancellable", "close_client", "make_client", "one_line", "start_session"]

Client = Any
"""An AsyncMongoClient or an AsyncIOMotorClient: the same methods, awaited alike."""


async def _waited(condition: Any, seconds: float | None) -> bool:
    """Whether there was news of the condition within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await condition.wait()
    except TimeoutError:
        return False
    return True


def _mend_waits() -> None:
    """Let whoever waits for a connection, or a primary, be cancelled as often as it takes.

    PyMongo waits for a condition by `asyncio.wait_for`, which before Python 3.12 makes a task of
    it. Whoever is cancelled a second time leaves that task behind: it takes the condition's lock
    and keeps it, and nobody gets a connection any more, or sees a primary, until the process ends.
    """
    name = "_async_cond_wait"
    for module in (pool, topology):
        if hasattr(module, name):
            setattr(module, name, _waited)


if sys.version_info < (3, 12):
    _mend_waits()


def make_client(uri: str, *, driver: Literal["pymongo", "motor"], **options: Any) -> Client:
    """A client of the named driver; nothing is connected yet.

    Raises StartupError when Motor is asked for and not installed.
    """
    if driver == "pymongo":
        return AsyncMongoClient(uri, **options)
    try:
        from motor.motor_asyncio import AsyncIOMotorClient
    except ImportError:
        raise StartupError(
            "The driver 'motor' is not installed.",
            remedy="pip install 'sessionwire[motor]', or use driver = \"pymongo\" (faster).",
        ) from None
    return AsyncIOMotorClient(uri, **options)


_CLOSE_DEADLINE = 1.0
_JOIN_DEADLINE = 3.0


async def close_client(client: Client) -> None:
    """Close it: PyMongo returns an awaitable, Motor does not.

    It would end its sessions on the server first, and wait for one that does not answer until its
    socket times out; what it does not end within a second, MongoDB ends by itself. Then it would
    wait without end for its monitors, which may have lost their cancellation (python/cpython#86296)
    and listen for ten seconds more: whoever runs the loop cancels them once again.
    """
    closing = client.close()
    if inspect.isawaitable(closing):
        with contextlib.suppress(TimeoutError), pymongo.timeout(_CLOSE_DEADLINE):
            async with asyncio.timeout(_JOIN_DEADLINE):
                await closing


async def start_session(client: Client) -> Any:
    """A driver session without causal consistency: versions are ours."""
    session = client.start_session(causal_consistency=False)
    return await session if inspect.isawaitable(session) else session


@contextlib.contextmanager
def cancellable() -> Iterator[None]:
    """Around calls of the driver: a cancellation that came meanwhile is raised, if only now.

    PyMongo sends with `asyncio.wait_for`, which before Python 3.12 returns instead of raising when
    it is cancelled in the moment in which it is done (bpo-37658): the task would go on for ever.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


def one_line(error: BaseException) -> str:
    """What a driver's error says, in a line for the log."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
