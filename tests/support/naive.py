"""A naive database with every version kept, to judge the replica and the hub by."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sessionwire.model import Document, Id, Version
from sessionwire.reactive.change import (
    Change,
    Delete,
    DocumentKey,
    Dropped,
    Group,
    Key,
    Put,
    SetKey,
    Update,
    comparable,
)
from sessionwire.reactive.replica import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "NaiveDatabase",
    "Snapshot",
    "cut",
    "delete",
    "drop",
    "push",
    "put",
    "set_field",
    "unset_field",
]

Collections = dict[str, dict[Id, dict[str, Any]]]


class Snapshot:
    """The whole database as of one version; a view.Source that holds everything."""

    def __init__(self, collections: Collections) -> None:
        self.collections = collections

    def document(self, key: DocumentKey) -> Document | None:
        return self.collections.get(key.collection, {}).get(key.id)

    def ids(self, key: SetKey) -> frozenset[Id]:
        documents = self.collections.get(key.collection, {})
        return frozenset(
            id for id, each in documents.items() if comparable(each.get(key.field)) == key.value
        )


class NaiveDatabase:
    """Writes one group after the other and remembers what everything was after each."""

    def __init__(self, first_version: int = 100) -> None:
        self.version = Version(first_version)
        self.groups: list[Group] = []
        self._now: Collections = {}
        self._history: list[tuple[Version, Collections]] = [(self.version, {})]

    def at(self, version: int) -> Snapshot:
        """The database as of the newest group at or below `version`."""
        found = max((v for v, _ in self._history if v <= version), default=self._history[0][0])
        return Snapshot(dict(self._history)[found])

    def load(self, keys: Iterable[Key], *, version: Version, epoch: int) -> Load:
        """What a snapshot read would find."""
        snapshot = self.at(version)
        documents: dict[DocumentKey, Document | None] = {}
        sets: dict[SetKey, frozenset[Id]] = {}
        for key in keys:
            if isinstance(key, DocumentKey):
                documents[key] = copy.deepcopy(snapshot.document(key))
                continue
            sets[key] = snapshot.ids(key)
            for id in sets[key]:
                found = DocumentKey(key.collection, id)
                documents[found] = copy.deepcopy(snapshot.document(found))
        return Load(version, epoch, documents, sets)

    def commit(self, *writes: Callable[[Collections], Change | None], gap: int = 1) -> Group | None:
        """All writes at one new version, as a transaction; None when none of them did anything."""
        changes = [change for write in writes if (change := write(self._now)) is not None]
        if not changes:
            return None
        self.version = Version(self.version + gap)
        group = Group(self.version, tuple(copy.deepcopy(changes)))
        self.groups.append(group)
        self._history.append((self.version, copy.deepcopy(self._now)))
        return group


def put(collection: str, document: dict[str, Any]) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change:
        inserted = document["_id"] not in now.setdefault(collection, {})
        now[collection][document["_id"]] = copy.deepcopy(document)
        return Put(DocumentKey(collection, document["_id"]), document, inserted)

    return write


def delete(collection: str, id: Id) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change | None:
        if now.get(collection, {}).pop(id, None) is None:
            return None
        return Delete(DocumentKey(collection, id))

    return write


def drop(collection: str) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change | None:
        return Dropped(collection) if now.pop(collection, None) is not None else None

    return write


def set_field(
    collection: str, id: Id, path: str, value: Any
) -> Callable[[Collections], Change | None]:
    """`$set`, described as MongoDB describes it: a missing parent is set whole."""

    def write(now: Collections) -> Change | None:
        node: Any = now.get(collection, {}).get(id)
        if node is None:
            return None
        names = path.split(".")
        for depth, name in enumerate(names):
            last = depth == len(names) - 1
            if last or not isinstance(node.get(name), dict):
                rest: Any = copy.deepcopy(value)
                for inner in reversed(names[depth + 1 :]):
                    rest = {inner: rest}
                node[name] = rest
                updated = {".".join(names[: depth + 1]): copy.deepcopy(rest)}
                return Update(DocumentKey(collection, id), updated)
            node = node[name]
        raise AssertionError

    return write


def unset_field(collection: str, id: Id, name: str) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change | None:
        document = now.get(collection, {}).get(id)
        if document is None or name not in document:
            return None
        del document[name]
        return Update(DocumentKey(collection, id), removed=(name,))

    return write


def push(collection: str, id: Id, name: str, value: Any) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change | None:
        document = now.get(collection, {}).get(id)
        if document is None:
            return None
        if not isinstance(document.get(name), list):
            document[name] = [value]
            return Update(DocumentKey(collection, id), {name: [value]})
        document[name].append(value)
        return Update(DocumentKey(collection, id), {f"{name}.{len(document[name]) - 1}": value})

    return write


def cut(collection: str, id: Id, name: str, length: int) -> Callable[[Collections], Change | None]:
    def write(now: Collections) -> Change | None:
        document = now.get(collection, {}).get(id)
        if (
            document is None
            or not isinstance(document.get(name), list)
            or len(document[name]) <= length
        ):
            return None
        document[name] = document[name][:length]
        return Update(DocumentKey(collection, id), truncated=((name, length),))

    return write
