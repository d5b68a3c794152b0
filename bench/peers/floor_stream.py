"""The floor of every reader: a bare PyMongo loop that drains the change stream of a database."""

from __future__ import annotations

import os
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

COLLECTIONS = ["user", "session", "organization", "member"]


async def drain() -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["MONGODB_URI"])
    match = {"$match": {"ns.coll": {"$in": COLLECTIONS}}}
    database = client[os.environ["DATABASE"]]
    async with await database.watch([match], batch_size=1000) as stream:
        print("ready at http://127.0.0.1:0", flush=True)  # noqa: T201
        async for _ in stream:
            pass


if __name__ == "__main__":
    uvloop.run(drain())
