"""Makes a fresh, a known or a moved mongod the primary of a replica set of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from sessionwire.store.mongod import HOST, SET_NAME

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

__all__ = ["become_primary"]

_NOT_YET_INITIALIZED = 94
_TIMEOUT = 5_000  # milliseconds
_POLL_SECONDS = 0.005


async def become_primary(port: int, pid: int) -> bool:
    """Bring the mongod with this pid to a writable primary that is known as HOST:port.

    False when it does not answer yet, or any more, or another mongod does: try again while the
    process lives.
    """
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=_TIMEOUT,
        connectTimeoutMS=_TIMEOUT,
        socketTimeoutMS=_TIMEOUT,
    )
    async with client:
        try:
            if (await client.admin.command("serverStatus"))["pid"] != pid:
                return False
            await _advance(client.admin, f"{HOST}:{port}")
        except PyMongoError:
            return False
        return True


async def _advance(admin: AsyncDatabase[dict[str, Any]], host: str) -> None:
    """Do what is next until nothing is: initiate, move, wait, and prove it with a write."""
    while not _is_primary(hello := await admin.command("hello"), host):
        if hello.get("hosts") != [host]:
            await _configure(admin, [{"_id": 0, "host": host}])
        await asyncio.sleep(_POLL_SECONDS)
    await admin.command(
        "appendOplogNote",
        data={"sessionwire": "started"},
        writeConcern={"w": "majority", "wtimeout": _TIMEOUT},
    )


def _is_primary(hello: dict[str, Any], host: str) -> bool:
    return bool(hello["isWritablePrimary"]) and hello.get("hosts") == [host]


async def _configure(
    admin: AsyncDatabase[dict[str, Any]], members: list[dict[str, int | str]]
) -> None:
    try:
        config = (await admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        await admin.command("replSetInitiate", {"_id": SET_NAME, "members": members})
        return
    if [member["host"] for member in config["members"]] != [members[0]["host"]]:
        # `force`, because there is no primary to ask: the node is not in its own set any more.
        moved = {**config, "version": config["version"] + 1, "members": members}
        moved.pop("term", None)
        await admin.command("replSetReconfig", moved, force=True)
