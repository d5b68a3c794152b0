"""The answer to a `getMore`, cut into its events without decoding them; pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

import bson
import msgspec
from bson import CodecOptions, Int64
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

__all__ = ["Batch", "read_batch"]

_HEAD = re.compile(rb"....\x03cursor\0....\x04nextBatch\0", re.DOTALL)
_TAIL = re.compile(
    rb"\x03postBatchResumeToken\0....\x02_data\0....([0-9A-F]+)\0\0"
    rb"\x12id\0(.{8})\x02ns\0....[^\0]+\0\0"
    rb"\x01ok\0\0\0\0\0\0\0\xf0\x3f",
    re.DOTALL,
)
"""What stands before and behind the events, as BSON (bsonspec.org), when all is well.

Any other answer is decoded; what matches is what decoding would find.
"""
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_INT = struct.Struct("<i")
_DOCUMENT = 0x03
_SHORTEST = 5


class Batch(msgspec.Struct, frozen=True):
    """`cursor` is 0 when there will be no more; `token` stands for all that was seen so far."""

    cursor: Int64
    token: Mapping[str, Any]
    events: list[bytes]


def read_batch(answer: bytes) -> Batch:
    """What it says. Raises OperationFailure when it says that it failed, and InvalidBSON."""
    try:
        return _as_always(answer) or _decoded(answer)
    except (LookupError, TypeError, AttributeError, struct.error) as error:
        raise InvalidBSON(f"no answer to getMore: {error}") from error


def _as_always(answer: bytes) -> Batch | None:
    head = _HEAD.match(answer)
    if head is None or _INT.unpack_from(answer)[0] != len(answer):
        return None
    events, end = _cut(answer, head.end())
    tail = _TAIL.match(answer, end)
    if tail is None:
        return None
    token, cursor = tail.groups()
    id = Int64(int.from_bytes(cursor, "little", signed=True))
    return Batch(id, {"_data": token.decode()}, events)


def _decoded(answer: bytes) -> Batch:
    said = bson.decode(answer, _RAW)
    if not said.get("ok"):
        details = bson.decode(answer)
        reason = details.get("errmsg", "no reason given")
        raise OperationFailure(reason, details.get("code"), details)
    cursor = said["cursor"]
    token = bson.decode(cursor["postBatchResumeToken"].raw)
    return Batch(cursor["id"], token, [each.raw for each in cursor["nextBatch"]])


def _cut(answer: bytes, at: int) -> tuple[list[bytes], int]:
    """The documents of the array at `at`, and where it ends; or where it is not as it should be."""
    read_size, find = _INT.unpack_from, answer.find
    events: list[bytes] = []
    end = at + read_size(answer, at)[0]
    at += _INT.size
    while at < end < len(answer) - _INT.size and answer[at] == _DOCUMENT:
        at = find(0, at + 1) + 1
        (size,) = read_size(answer, at)
        if not _SHORTEST <= size < end - at:
            break
        events.append(answer[at : at + size])
        at += size
    return events, at + 1
