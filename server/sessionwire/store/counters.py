"""Counts of tries in MongoDB: one document per key, one atomic update per try, gone when unused."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from sessionwire.errors import Duplicate
from sessionwire.store.codec import CODEC
from sessionwire.store.mongo import Store, translated

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sessionwire.policy.throttle import Rule

__all__ = ["COLLECTION", "Counters"]

COLLECTION = "sessionThrottle"  # better-auth has a `rateLimit`, with a unique key that ours lack
_ATTEMPTS = 3


class Counters:
    """Shared by all processes, and kept over restarts.

    Writes are `w: 1`: a count that a failover loses harms nobody, and every try waits for it. Keys
    are the caller's, who makes them short and tells nothing by them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @functools.cached_property
    def _collection(self) -> Any:
        """Opened by the first who counts."""
        return self._store.client.get_database(
            self._store.name,
            codec_options=CODEC,
            write_concern=WriteConcern(1),
            read_preference=ReadPreference.PRIMARY,
        )[COLLECTION]

    async def take(self, key: str, rule: Rule, *, now: datetime) -> float:
        """The seconds to wait; 0 when this try is allowed, and counted. Raises Unavailable."""
        before = await self._stepped(key, _step(rule, now))
        if before is None or before["until"] <= now:
            return 0.0
        wait: float = (before["until"] - now).total_seconds()
        return min(wait, rule.longest)

    async def _stepped(self, key: str, update: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The document before the update; two that make it at once both come through."""
        for attempt in range(_ATTEMPTS):
            try:
                with translated():
                    before: dict[str, Any] | None = await self._collection.find_one_and_update(
                        {"_id": key}, update, upsert=True, return_document=ReturnDocument.BEFORE
                    )
                    return before
            except Duplicate:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def forget(self, key: str) -> None:
        with translated():
            await self._collection.delete_one({"_id": key})

    async def mark(self, key: str, *, until: datetime) -> None:
        """Keep a key that counts nothing until then."""
        with translated():
            await self._collection.update_one(
                {"_id": key}, {"$set": {"expiresAt": until}}, upsert=True
            )

    async def marked(self, keys: Collection[str]) -> bool:
        """Whether one of the keys is kept."""
        with translated():
            found = await self._collection.find_one({"_id": {"$in": list(keys)}}, {"_id": 1})
            return found is not None


def _step(rule: Rule, now: datetime) -> list[dict[str, Any]]:
    """`policy.throttle.step` in MongoDB's words; both are held against each other by a test."""
    waiting = {"$gt": ["$until", now]}
    fresh = {"$gte": [{"$subtract": [now, "$at"]}, _milliseconds(rule.window)]}
    more = {"$cond": [fresh, 1, {"$add": [{"$ifNull": ["$tries", 0]}, 1]}]}
    pauses = [_milliseconds(each) for each in rule.pauses]
    last = {"$subtract": [{"$min": ["$tries", len(pauses)]}, 1]}
    until = {"$add": [now, {"$arrayElemAt": [pauses, last]}]}
    kept = now + timedelta(seconds=rule.longest)
    return [
        {"$set": {"tries": {"$cond": [waiting, "$tries", more]}}},
        {
            "$set": {
                "at": {"$cond": [waiting, "$at", now]},
                "until": {"$cond": [waiting, "$until", until]},
                "expiresAt": {"$cond": [waiting, "$expiresAt", kept]},
            }
        },
    ]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
