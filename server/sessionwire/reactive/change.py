"""What moves a replica: keys, changes, and groups of changes that became true at one moment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from sessionwire.model import Document, Id, ObjectId, Version

__all__ = [
    "Change",
    "Delete",
    "DocumentKey",
    "Dropped",
    "Fields",
    "Group",
    "Key",
    "Put",
    "SetKey",
    "Update",
    "comparable",
]


class DocumentKey(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """One document."""

    collection: str
    id: Id


class SetKey(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """All ids of a collection whose top-level `field` equals a value; `value` is `comparable`."""

    collection: str
    field: str
    value: Hashable


Key = DocumentKey | SetKey

Fields = Set[str]
"""Names of top-level fields."""


class Put(msgspec.Struct, frozen=True):
    """The document is now exactly this: an insert or a replacement."""

    key: DocumentKey
    document: Document
    inserted: bool = False


class Update(msgspec.Struct, frozen=True):
    """Dotted paths were set, removed, or (arrays) cut; MongoDB's `updateDescription`."""

    key: DocumentKey
    updated: Mapping[str, Any] = {}
    removed: tuple[str, ...] = ()
    truncated: tuple[tuple[str, int], ...] = ()

    @property
    def is_flat(self) -> bool:
        """Whether all that it does is to set top-level fields."""
        return not self.removed and not self.truncated and "." not in "".join(self.updated)

    @property
    def fields(self) -> Fields:
        """The top-level fields that it changed, or something inside them."""
        if self.is_flat:
            return self.updated.keys()
        paths = [*self.updated, *self.removed]
        if self.truncated:
            paths += [path for path, _ in self.truncated]
        return {path.partition(".")[0] for path in paths}


class Delete(msgspec.Struct, frozen=True):
    key: DocumentKey


class Dropped(msgspec.Struct, frozen=True):
    """The collection was dropped, renamed, or replaced; None means the whole database."""

    collection: str | None


Change = Put | Update | Delete | Dropped


class Group(msgspec.Struct, frozen=True):
    """Everything that became true at `version`: one write, or one whole transaction."""

    version: Version
    changes: tuple[Change, ...]
    wall: datetime | None = None
    """MongoDB's wall clock at the write; None before MongoDB 6.0."""


_PLAIN = frozenset((str, ObjectId, UUID, datetime, bytes))


def comparable(value: object) -> Hashable | None:
    """A value that equals another one exactly when MongoDB's `{field: value}` would match it.

    None for values whose equality is not that simple (null also matches a missing field, arrays
    match by element, floats by rounding); a set cannot be keyed by these.
    """
    if type(value) in _PLAIN:
        return value
    match value:
        case bool():
            return ("bool", value)
        case int():
            return ("number", int(value))
        case float() if value.is_integer():
            return ("number", int(value))
        case Decimal() if value == value.to_integral_value():
            return ("number", int(value))
        case str():
            return value
        case ObjectId() | UUID() | datetime() | bytes():
            return value
        case _:
            return None
