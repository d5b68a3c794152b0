"""Reads keys as of a version: one `find` per collection and field, whatever the number of keys."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

import bson
from bson.errors import BSONError, InvalidBSON

from sessionwire.errors import Unavailable
from sessionwire.reactive.change import DocumentKey, Key, SetKey, comparable
from sessionwire.reactive.replica import Load
from sessionwire.store.codec import CODEC
from sessionwire.store.decode import decode_id, encode_id
from sessionwire.store.mongo import Store, translated
from sessionwire.store.times import to_timestamp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence

    from sessionwire.model import Document, Id, Version

__all__ = ["Loader"]

_BATCH = 500
_INT64 = range(-(2**63), 2**63)
_Item = TypeVar("_Item")


class Loader:
    """Loads for a replica; it counts its reads (`reads`, MongoDB commands) and decides nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def load(self, keys: Iterable[Key], *, version: Version, epoch: int = 0) -> Load:
        """What the database held for these keys as of `version`.

        A key that cannot be read although others can (a collection that is refused to us, a
        document that cannot be decoded) is not in it. Raises Unavailable when none can, because
        MongoDB does not answer, or the version has left its snapshot window (300 seconds).
        """
        reading = _Reading(self, version)
        by_id: dict[str, list[Id]] = defaultdict(list)
        by_field: dict[tuple[str, str], list[Hashable]] = defaultdict(list)
        for key in keys:
            if isinstance(key, DocumentKey):
                by_id[key.collection].append(key.id)
            else:
                by_field[key.collection, key.field].append(key.value)
        async with asyncio.TaskGroup() as group:
            for collection, ids in by_id.items():
                read = functools.partial(reading.documents_of, collection)
                for part in _batches(ids):
                    group.create_task(reading.attempt(read, part))
            for (collection, field), values in by_field.items():
                read_sets = functools.partial(reading.sets_of, collection, field)
                for some in _batches(values):
                    group.create_task(reading.attempt(read_sets, some))
        if reading.failure is not None and not (reading.documents or reading.sets):
            raise reading.failure
        return Load(version, epoch, reading.documents, reading.sets)

    async def find(
        self, collection: str, filter: dict[str, Any], version: Version
    ) -> list[Document]:
        """All matching documents as of `version`. Raises Unavailable."""
        self.reads += 1
        names = self._store.naming.fields(collection)
        with translated():
            cursor = await self._store.raw.cursor_command(
                {
                    "find": self._store.naming.collection(collection),
                    "filter": filter if names is None else names.filter(filter),
                    "batchSize": 2 * _BATCH,
                    "readConcern": {"level": "snapshot", "atClusterTime": to_timestamp(version)},
                    "maxTimeMS": 5_000,
                },
                codec_options=CODEC,  # commands do not take the database's
            )
            found: list[Document] = await cursor.to_list(None)
            return found if names is None else [names.incoming(each) for each in found]


class _Reading:
    """One load while it is being read: what was found so far, and the first failure."""

    def __init__(self, loader: Loader, version: Version) -> None:
        self.documents: dict[DocumentKey, Document | None] = {}
        self.sets: dict[SetKey, frozenset[Id]] = {}
        self.failure: Unavailable | None = None
        self._loader = loader
        self._version = version

    async def attempt(
        self, read: Callable[[Sequence[_Item]], Awaitable[None]], items: Sequence[_Item]
    ) -> None:
        """Read the items; when one of them cannot be decoded, all the others."""
        try:
            await read(items)
        except Unavailable as error:
            if len(items) == 1 or not isinstance(error.__cause__, InvalidBSON):
                self.failure = self.failure or error
                return
            middle = len(items) // 2
            await self.attempt(read, items[:middle])
            await self.attempt(read, items[middle:])

    async def documents_of(self, collection: str, ids: Sequence[Id]) -> None:
        found = await self._find(collection, "_id", _storable(ids, encode_id))
        for each in ids:
            self.documents.setdefault(DocumentKey(collection, each), None)
        for document in found:
            key = DocumentKey(collection, decode_id(document["_id"]))
            self.documents[key] = _with_shared_names(document)

    async def sets_of(self, collection: str, field: str, values: Sequence[Hashable]) -> None:
        found = await self._find(collection, field, _storable(values, _plain))
        members: dict[Hashable, set[Id]] = {value: set() for value in values}
        for document in found:
            value = comparable(document.get(field))
            if value in members:  # an array that contains the value is no member
                id = decode_id(document["_id"])
                members[value].add(id)
                self.documents[DocumentKey(collection, id)] = _with_shared_names(document)
        for value, ids in members.items():
            self.sets[SetKey(collection, field, value)] = frozenset(ids)

    async def _find(self, collection: str, field: str, values: list[Any]) -> list[Document]:
        if not values:
            return []
        return await self._loader.find(collection, {field: {"$in": values}}, self._version)


def _with_shared_names(document: Document) -> Document:
    """The driver makes every field's name anew, for each document: a third of what one takes."""
    return {sys.intern(name): value for name, value in document.items()}


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _storable(values: Iterable[_Item], plain: Callable[[_Item], Any]) -> list[Any]:
    """The values as a filter writes them, but for those that BSON cannot hold: nothing has them."""
    found = []
    for each in values:
        with contextlib.suppress(OverflowError, ValueError, BSONError):
            value = plain(each)
            bson.encode({"": value}, codec_options=CODEC)
            found.append(value)
    return found


def _plain(value: Hashable) -> Any:
    """A `comparable` value as it is stored; a whole number beyond 64 bits can only be a double."""
    plain = value[1] if isinstance(value, tuple) else value
    return float(plain) if type(plain) is int and plain not in _INT64 else plain
