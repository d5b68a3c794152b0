"""Where PyMongo's async API and Motor differ: making and closing a client, starting a session."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pymongo import AsyncMongoClient

from sessionwire.errors import StartupError

__all__ = ["close_client", "make_client", "start_session"]

Client = Any
"""An AsyncMongoClient or an AsyncIOMotorClient: the same methods, awaited alike."""


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


async def close_client(client: Client) -> None:
    """Close it: PyMongo returns an awaitable, Motor does not."""
    closing = client.close()
    if inspect.isawaitable(closing):
        await closing


async def start_session(client: Client) -> Any:
    """A driver session without causal consistency: versions are ours."""
    session = client.start_session(causal_consistency=False)
    return await session if inspect.isawaitable(session) else session
