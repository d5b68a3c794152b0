"""A database in memory, exact at one version, that groups of changes move; pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sessionwire.reactive.change import (
    Change,
    Delete,
    DocumentKey,
    Dropped,
    Put,
    SetKey,
    Update,
    comparable,
)
from sessionwire.reactive.delta import apply_update
from sessionwire.reactive.replica import Load

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from sessionwire.model import Document, Id, Version
    from sessionwire.reactive.change import Group, Key

__all__ = ["Copy"]


class Copy:
    """All documents, by collection and id. Documents are replaced, never mutated."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._collections: dict[str, dict[Id, Document]] = {}

    def documents(self, collection: str) -> Iterable[Document]:
        return self._collections.get(collection, {}).values()

    def get(self, collection: str, id: Id) -> Document | None:
        return self._collections.get(collection, {}).get(id)

    # As a view.Source

    def document(self, key: DocumentKey) -> Document | None:
        return self.get(key.collection, key.id)

    def ids(self, key: SetKey) -> frozenset[Id]:
        documents = self._collections.get(key.collection, {}).items()
        return frozenset(
            id for id, each in documents if comparable(each.get(key.field)) == key.value
        )

    # Moving

    def put(self, collection: str, document: Document) -> None:
        self._collections.setdefault(collection, {})[document["_id"]] = document

    def __iter__(self) -> Iterator[tuple[str, Document]]:
        """Every document, with its collection."""
        for name, documents in self._collections.items():
            for document in documents.values():
                yield name, document

    def apply(self, group: Group) -> None:
        """Raises ValueError for a group that is not newer, or an update that does not fit."""
        if group.version <= self.version:
            raise ValueError(f"the group {group.version:016x} is not newer than what is there")
        for change in group.changes:
            self.apply_one(change)
        self.version = group.version

    def apply_one(self, change: Change) -> None:
        """One of a group's changes; the version is the caller's to move."""
        match change:
            case Put(key, document):
                self.put(key.collection, {**document, "_id": key.id})
            case Update(key):
                held = self.get(key.collection, key.id)
                after = None if held is None else apply_update(held, change)
                if after is None:
                    raise ValueError(f"an update of {key.collection} {key.id} does not fit")
                self._collections[key.collection][key.id] = after
            case Delete(key):
                self._collections.get(key.collection, {}).pop(key.id, None)
            case Dropped(None):
                self._collections.clear()
            case Dropped(collection):
                self._collections.pop(str(collection), None)

    def load(self, keys: Iterable[Key], *, version: Version, epoch: int) -> Load:
        """What a snapshot read as of `version` finds.

        Raises ValueError for a version that has passed: that moment is not kept.
        """
        if version < self.version:
            raise ValueError("the copy is at a later version")
        documents: dict[DocumentKey, Document | None] = {}
        wanted: dict[tuple[str, str], set[Hashable]] = defaultdict(set)
        for key in keys:
            if isinstance(key, DocumentKey):
                documents[key] = self.get(key.collection, key.id)
            else:
                wanted[key.collection, key.field].add(key.value)
        sets: dict[SetKey, frozenset[Id]] = {}
        for (collection, field), values in wanted.items():
            members: dict[Hashable, set[Id]] = {value: set() for value in values}
            for id, document in self._collections.get(collection, {}).items():
                value = comparable(document.get(field))
                if value in members:
                    members[value].add(id)
                    documents[DocumentKey(collection, id)] = document
            for value, ids in members.items():
                sets[SetKey(collection, field, value)] = frozenset(ids)
        return Load(version, epoch, documents, sets)
