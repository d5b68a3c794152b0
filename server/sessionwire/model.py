"""The values that every room shares: ids, versions, documents and the viewer."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NewType

import msgspec
from bson import ObjectId  # the value type only; drivers live in store/

__all__ = [
    "ANONYMOUS",
    "NEVER",
    "Document",
    "Id",
    "ObjectId",
    "OpaqueId",
    "Version",
    "Viewer",
    "format_date",
    "format_id",
    "format_version",
    "parse_id",
    "parse_version",
]

Version = NewType("Version", int)
"""A moment of the database: MongoDB's cluster time, seconds in the upper 32 bits."""

NEVER = Version(0)
"""Earlier than every version."""

Document = Mapping[str, Any]
"""A document as the driver decodes it: str, bool, int, float, aware datetime, ObjectId, list, …"""


@dataclass(frozen=True, slots=True)
class OpaqueId:
    """An `_id` that Python cannot compare as MongoDB does; `bson` is `{"_id": …}` encoded."""

    bson: bytes


Id = ObjectId | str | int | OpaqueId

_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}\Z")
_VERSION = re.compile(r"[0-9a-f]{16}\Z")


def parse_id(text: str) -> ObjectId | str:
    """The id that this text names: 24 hex digits are an ObjectId, anything else is itself."""
    return ObjectId(text) if _OBJECT_ID.match(text) else text


def format_id(value: object) -> str:
    """An id as the wires write it."""
    return str(value)


def format_version(version: int) -> str:
    """16 lower-case hex digits: sorts as text, and is the HTTP `ETag`."""
    return f"{version:016x}"


def parse_version(text: str) -> Version:
    """The version that `format_version` wrote.

    Raises ValueError for anything but 16 lower-case hex digits.
    """
    if not _VERSION.match(text):
        raise ValueError("a version is 16 lower-case hex digits")
    return Version(int(text, 16))


@functools.lru_cache(maxsize=32_768)
def format_date(value: datetime) -> str:
    """ISO 8601 in UTC with exactly three digits of fraction and `Z`.

    A view that is computed anew shows the same dates again: this was a tenth of a change's cost.
    """
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="milliseconds")[:-6] + "Z"


class Viewer(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """In whose name a query is answered.

    `credential` is the session token as it is stored in MongoDB, or None for a signed-out viewer.
    """

    credential: str | None = None


ANONYMOUS = Viewer()
