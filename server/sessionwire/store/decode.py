"""Change events as MongoDB sends them, turned into changes; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import bson
from bson import CodecOptions, Int64, ObjectId, UuidRepresentation
from bson.codec_options import DatetimeConversion

from sessionwire.model import Id, OpaqueId, Version
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Put, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode_event", "decode_id", "encode_id", "event_version", "glance", "token_version"]


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


_HEAD = re.compile(
    rb"....\x03_id\0....\x02_data\0....[0-9A-F]+\0\0"
    rb"\x02operationType\0\x07\0\0\0update\0"
    rb"\x11clusterTime\0(.{8})"
    rb"\x09wallTime\0.{8}"
    rb"\x03ns\0....\x02db\0....[^\0]+\0\x02coll\0....([^\0]+)\0\0"
    rb"\x03documentKey\0\x16\0\0\0\x07_id\0(.{12})\0",
    re.DOTALL,
)
"""The head of an update outside a transaction, of a document whose `_id` is an ObjectId, as BSON.

Each field is of one form (bsonspec.org), and nothing in it is a writer's but names, which hold no
NUL: what matches is what decoding would find. Any other event is decoded.
"""


def glance(event: bytes | memoryview) -> tuple[Version, str, ObjectId] | None:
    """When an update was made, and of which document, without decoding it; None: it has to be."""
    found = _HEAD.match(event)
    if found is None:
        return None
    time, collection, id = found.groups()
    return Version(int.from_bytes(time, "little")), collection.decode(), ObjectId(id)


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
                return (_update(event),)
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


def _key(event: Mapping[str, Any]) -> DocumentKey:
    return DocumentKey(event["ns"]["coll"], decode_id(event["documentKey"]["_id"]))


def _update(event: Mapping[str, Any]) -> Update:
    description = event["updateDescription"]
    return Update(
        _key(event),
        description.get("updatedFields") or {},
        tuple(description.get("removedFields") or ()),
        tuple(
            (each["field"], each["newSize"]) for each in description.get("truncatedArrays") or ()
        ),
    )
