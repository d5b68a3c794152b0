"""What moves a replica: keys, changes, and groups of changes that became true at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sessionwire.model import Document, Id, ObjectId, Version

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = [
    "Change",
    "Delete",
    "DocumentKey",
    "Dropped",
    "Group",
    "Key",
    "Put",
    "SetKey",
    "Update",
    "comparable",
]


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """One document."""

    collection: str
    id: Id


@dataclass(frozen=True, slots=True)
class SetKey:
    """All ids of a collection whose top-level `field` equals a value; `value` is `comparable`."""

    collection: str
    field: str
    value: Hashable


Key = DocumentKey | SetKey


@dataclass(frozen=True, slots=True)
class Put:
    """The document is now exactly this: an insert or a replacement."""

    key: DocumentKey
    document: Document
    inserted: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """Dotted paths were set, removed, or (arrays) cut; MongoDB's `updateDescription`."""

    key: DocumentKey
    updated: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    truncated: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    key: DocumentKey


@dataclass(frozen=True, slots=True)
class Dropped:
    """The collection was dropped, renamed, or replaced; None means the whole database."""

    collection: str | None


Change = Put | Update | Delete | Dropped


@dataclass(frozen=True, slots=True)
class Group:
    """Everything that became true at `version`: one write, or one whole transaction."""

    version: Version
    changes: tuple[Change, ...]
    wall: datetime | None = None
    """MongoDB's wall clock at the write; None before MongoDB 6.0."""


def comparable(value: object) -> Hashable | None:
    """A value that equals another one exactly when MongoDB's `{field: value}` would match it.

    None for values whose equality is not that simple (null also matches a missing field, arrays
    match by element, floats by rounding); a set cannot be keyed by these.
    """
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
