"""Reads keys as of a version: one `find` per collection and field, whatever the number of keys."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from sessionwire.reactive.change import DocumentKey, Key, SetKey, comparable
from sessionwire.reactive.replica import Load
from sessionwire.store.decode import decode_id, encode_id
from sessionwire.store.mongo import CODEC, Store, to_timestamp, translated

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from sessionwire.model import Document, Id, Version

__all__ = ["Loader"]

_BATCH = 500
_Item = TypeVar("_Item")


class Loader:
    """Loads for a replica; it counts its reads (`reads`, MongoDB commands) and decides nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def load(self, keys: Iterable[Key], *, version: Version, epoch: int = 0) -> Load:
        """What the database held for these keys as of `version`.

        Raises Unavailable when it does not answer, or when the version has left MongoDB's snapshot
        window (300 seconds).
        """
        documents: dict[DocumentKey, Document | None] = {}
        sets: dict[SetKey, frozenset[Id]] = {}
        by_id: dict[str, list[Id]] = defaultdict(list)
        by_field: dict[tuple[str, str], list[Hashable]] = defaultdict(list)
        for key in keys:
            if isinstance(key, DocumentKey):
                by_id[key.collection].append(key.id)
            else:
                by_field[key.collection, key.field].append(key.value)
        async with asyncio.TaskGroup() as group:
            for collection, ids in by_id.items():
                for part in _batches(ids):
                    group.create_task(self._documents(collection, part, version, documents))
            for (collection, field), values in by_field.items():
                for some in _batches(values):
                    group.create_task(self._sets(collection, field, some, version, documents, sets))
        return Load(version, epoch, documents, sets)

    async def _documents(
        self,
        collection: str,
        ids: Sequence[Id],
        version: Version,
        documents: dict[DocumentKey, Document | None],
    ) -> None:
        wanted = [encode_id(each) for each in ids]
        found = await self._find(collection, {"_id": {"$in": wanted}}, version)
        for each in ids:
            documents.setdefault(DocumentKey(collection, each), None)
        for document in found:
            documents[DocumentKey(collection, decode_id(document["_id"]))] = document

    async def _sets(
        self,
        collection: str,
        field: str,
        values: Sequence[Hashable],
        version: Version,
        documents: dict[DocumentKey, Document | None],
        sets: dict[SetKey, frozenset[Id]],
    ) -> None:
        wanted = [_plain(each) for each in values]
        found = await self._find(collection, {field: {"$in": wanted}}, version)
        members: dict[Hashable, set[Id]] = {value: set() for value in values}
        for document in found:
            value = comparable(document.get(field))
            if value in members:  # an array that contains the value is no member
                id = decode_id(document["_id"])
                members[value].add(id)
                documents[DocumentKey(collection, id)] = document
        for value, ids in members.items():
            sets[SetKey(collection, field, value)] = frozenset(ids)

    async def _find(
        self, collection: str, filter: dict[str, Any], version: Version
    ) -> list[Document]:
        self.reads += 1
        with translated():
            cursor = await self._store.raw.cursor_command(
                {
                    "find": collection,
                    "filter": filter,
                    "readConcern": {"level": "snapshot", "atClusterTime": to_timestamp(version)},
                    "maxTimeMS": 5_000,
                },
                codec_options=CODEC,  # commands do not take the database's
            )
            found: list[Document] = await cursor.to_list(None)
            return found


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _plain(value: Hashable) -> Any:
    """A `comparable` value as a filter writes it."""
    return value[1] if isinstance(value, tuple) else value
