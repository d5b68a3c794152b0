"""Databases for tests: made once with all indexes, emptied, and given to the next test.

Making and dropping one costs MongoDB more than most tests do.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from sessionwire.store.indexes import INDEXES
from sessionwire.store.mongo import Store

__all__ = ["Databases"]

_COLLECTIONS = sorted({collection for collection, _, _ in INDEXES})
_WITHIN = 5.0


class Databases:
    """Those of one mongod."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, appname="test-pool")
        self._ready: list[str] = []
        self._made: dict[str, Any] = {}

    async def close(self) -> None:
        await self._client.close()

    async def take(self) -> str:
        """The name of an empty database that has all indexes, and is nobody else's."""
        if self._ready:
            return self._ready.pop()
        name = f"test_{secrets.token_hex(6)}"
        async with Store.open(self._uri, database=name) as store:
            await store.ensure_indexes()
        self._made = self._made or await self._indexes(name)
        return name

    async def give_back(self, name: str) -> None:
        """Empty it for the next one; one that has other collections or indexes now is dropped."""
        try:
            async with asyncio.timeout(_WITHIN):
                if await self._indexes(name) == self._made:
                    await self._empty(name)
                    self._ready.append(name)
                    return
        except (PyMongoError, TimeoutError):
            pass  # what holds it goes with it
        await self._client.drop_database(name)

    async def _indexes(self, name: str) -> dict[str, Any]:
        """Of each collection that is there."""
        database = self._client[name]
        names = await database.list_collection_names()
        found = await asyncio.gather(*(database[each].index_information() for each in names))
        return dict(zip(names, found, strict=True))

    async def _empty(self, name: str) -> None:
        database = self._client[name]
        await asyncio.gather(*(database[each].delete_many({}) for each in _COLLECTIONS))
        # The newest event is of none of them: a stream that is opened now begins with it.
        elsewhere = self._client.get_database("test_pool", write_concern=WriteConcern("majority"))
        await elsewhere.given_back.insert_one({"name": name})
