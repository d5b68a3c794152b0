"""The floor of every reader: a bare PyMongo loop that drains the change stream of a database.

With PARTITION=1/2 it follows the second half of the users only, as a server of a partitioned
service would. At SIGTERM it says what it has seen, and what that cost.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

COLLECTIONS = ["user", "session", "organization", "member"]
_DIGITS = "0123456789abcdef"


def pipeline(partition: str | None) -> list[dict[str, Any]]:
    """The stages behind `$changeStream`; a partition is told by the last digit of the ObjectId."""
    stages: list[dict[str, Any]] = [{"$match": {"ns.coll": {"$in": COLLECTIONS}}}]
    if partition is not None:
        number, _, of = partition.partition("/")
        digits = [each for each in _DIGITS if int(each, 16) % int(of) == int(number)]
        last = {"$substrCP": [{"$toString": "$documentKey._id"}, 23, 1]}
        stages.append({"$match": {"$expr": {"$in": [last, digits]}}})
    return stages


async def drain() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)  # type: ignore[union-attr]
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["MONGODB_URI"])
    database = client[os.environ["DATABASE"]]
    stages = pipeline(os.environ.get("PARTITION"))
    seen = 0
    async with await database.watch(stages, batch_size=1000) as stream:
        print("ready at http://127.0.0.1:0", flush=True)  # noqa: T201
        began = time.process_time()
        try:
            async for _ in stream:
                seen += 1
        finally:
            spent = time.process_time() - began
            print(json.dumps({"events": seen, "seconds": spent}), flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        uvloop.run(drain())
    except asyncio.CancelledError:
        os._exit(0)
