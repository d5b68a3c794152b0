"""The indexes that serving needs, against those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

from sessionwire.store.examination.deployment import parameter
from sessionwire.store.examination.facts import Index, Indexes
from sessionwire.store.indexes import INDEXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymongo import AsyncMongoClient

    from sessionwire.store.mapping import Naming

__all__ = ["indexes_of"]

_MAX_MS = 3_000
_GROUPED = 200_000


async def indexes_of(
    client: AsyncMongoClient[dict[str, Any]], database: str, naming: Naming
) -> Indexes:
    """Every index of ours, in the database's own names."""
    there: dict[str, Mapping[str, Any]] = {}
    seen = []
    for ours, path, options in INDEXES:
        name, field = naming.place(ours, path)
        collection = client[database][name]
        if name not in there:
            there[name] = await collection.index_information()
        index = _compared(name, field, options, there[name])
        if index.unique and index.state in ("missing", "weaker"):
            index = await _with_duplicates(collection, index)
        seen.append(index)
    return Indexes(tuple(seen), ttl_off=await parameter(client, "ttlMonitorEnabled") is False)


def _compared(name: str, field: str, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Index:
    unique, expires = bool(wanted.get("unique")), wanted.get("expireAfterSeconds")
    state: Any = "missing" if there else "absent"
    found, found_expires = "", None
    for other, each in there.items():
        if [(key, int(order)) for key, order in each["key"] if order in (1, 1.0)] != [(field, 1)]:
            continue
        found, found_expires = other, each.get("expireAfterSeconds")
        if unique and ("unique" not in each or "partialFilterExpression" in each):
            state = "weaker"
        elif found_expires != expires:
            state = "different"
        else:
            state = "there" if other == wanted["name"] else "other"
            break
    return Index(name, field, wanted["name"], unique, expires, state, found, found_expires)


async def _with_duplicates(collection: Any, index: Index) -> Index:
    """Whether making it unique would fail: with one value that two documents have, it would."""
    group = {"_id": f"${index.field}", "n": {"$sum": 1}}
    pipeline = [
        {"$limit": _GROUPED},
        {"$group": group},
        {"$match": {"n": {"$gt": 1}}},
        {"$count": "n"},
    ]
    try:
        cursor = await collection.aggregate(pipeline, maxTimeMS=_MAX_MS, allowDiskUse=False)
        found = await cursor.to_list(1)
    except driver_errors.OperationFailure:
        return index
    count = found[0]["n"] if found else 0
    return Index(
        index.collection, index.field, index.name, index.unique, index.expires, index.state,
        index.found, index.found_expires, count,
    )  # fmt: skip
