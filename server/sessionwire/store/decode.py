"""Change events as MongoDB sends them, turned into changes; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import bson
from bson import CodecOptions, Int64, ObjectId, UuidRepresentation
from bson.codec_options import DatetimeConversion

from sessionwire.model import Id, OpaqueId, Version
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Put, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "decode_event",
    "decode_id",
    "decode_update",
    "encode_id",
    "event_version",
    "token_version",
]


_EXACT: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    uuid_representation=UuidRepresentation.STANDARD,
)
_LARGEST = 2**63


def decode_id(value: Any) -> Id:
    """An `_id` as the core keys it: kinds that Python compares as MongoDB does, else its BSON.

    Whole numbers are `int` whatever their width: to MongoDB 5, a long 5 and 5.0 are the same `_id`.
    """
    kind = type(value)
    if kind in (ObjectId, str, int, UUID):
        return value  # type: ignore[no-any-return]
    if kind is Int64 or (kind is float and value.is_integer() and abs(value) < _LARGEST):
        return int(value)
    return OpaqueId(bson.encode({"_id": value}, codec_options=_EXACT))


def encode_id(id: Id) -> Any:
    """The `_id` as a filter writes it."""
    return bson.decode(id.bson, _EXACT)["_id"] if isinstance(id, OpaqueId) else id


def event_version(event: Mapping[str, Any]) -> Version:
    """The cluster time of an event."""
    time = event["clusterTime"]
    return Version((time.time << 32) | time.inc)


def token_version(token: Mapping[str, Any]) -> Version | None:
    """The cluster time inside a resume token, or None when it is not written as we know it.

    A token's `_data` is a KeyString in hex whose first value is a timestamp: type byte 0x82, then
    eight bytes (MongoDB's src/mongo/db/pipeline/resume_token.cpp). It is only used to move the
    position of a quiet stream forward.
    """
    data = token.get("_data")
    if not isinstance(data, str) or len(data) < 18 or data[:2] != "82":
        return None
    try:
        return Version(int(data[2:18], 16))
    except ValueError:
        return None


def decode_event(event: Mapping[str, Any]) -> tuple[Change, ...]:
    """What the event changes; empty for events that change no document.

    An event that cannot be read as its kind makes its whole collection unknown, never wrong.
    """
    kind = event.get("operationType")
    collection = event.get("ns", {}).get("coll")
    try:
        match kind:
            case "insert" | "replace":
                put = Put(_key(event), event["fullDocument"], inserted=kind == "insert")
                return (put,)
            case "update":
                return (_update(_key(event), event["updateDescription"]),)
            case "delete":
                return (Delete(_key(event)),)
            case "drop":
                return (Dropped(collection),)
            case "rename":
                return (Dropped(collection), Dropped(event["to"]["coll"]))
            case "dropDatabase":
                return (Dropped(None),)
            case _:
                return ()
    except (KeyError, TypeError, AttributeError):
        return (Dropped(collection),)


def decode_update(key: DocumentKey, description: Mapping[str, Any]) -> Change:
    """The change that an `updateDescription` tells of; as unsure as `decode_event`."""
    try:
        return _update(key, description)
    except (KeyError, TypeError, AttributeError):
        return Dropped(key.collection)


def _key(event: Mapping[str, Any]) -> DocumentKey:
    return DocumentKey(event["ns"]["coll"], decode_id(event["documentKey"]["_id"]))


def _update(key: DocumentKey, description: Mapping[str, Any]) -> Update:
    truncated = description.get("truncatedArrays")
    return Update(
        key,
        description.get("updatedFields") or {},
        tuple(description.get("removedFields") or ()),
        tuple((each["field"], each["newSize"]) for each in truncated) if truncated else (),
    )
