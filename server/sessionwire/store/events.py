"""The events of a change stream as they come, in BSON: read only as far as somebody heeds them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
from bson import ObjectId

from sessionwire.model import Version
from sessionwire.reactive.change import DocumentKey
from sessionwire.store.codec import CODEC
from sessionwire.store.decode import decode_event, decode_update, event_version
from sessionwire.store.grouping import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionwire.store.mapping import Naming

__all__ = ["Events"]

_HEAD = re.compile(
    rb"....\x03_id\0....\x02_data\0....[0-9A-F]+\0\0"
    rb"\x02operationType\0\x07\0\0\0update\0"
    rb"\x11clusterTime\0(.{8})"
    rb"\x09wallTime\0(.{5}[\0-\xe5]\0\0)"
    rb"\x03ns\0....\x02db\0....[^\0]+\0\x02coll\0....([^\0]+)\0\0"
    rb"\x03documentKey\0\x16\0\0\0\x07_id\0(.{12})\0"
    rb"\x03updateDescription\0",
    re.DOTALL,
)
"""The head of an update outside a transaction, of a document whose `_id` is an ObjectId, as BSON.

Each field is of one form (bsonspec.org), and nothing in it is a writer's but names, which hold no
NUL: what matches is what decoding would find. Any other event is decoded.
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Events:
    """Reads them in our words. What an update that nobody `heeds` did is left unread."""

    def __init__(self, naming: Naming, *, heeds: Callable[[DocumentKey], bool]) -> None:
        self._naming = naming
        self._heeds = heeds

    def look(self, event: bytes) -> Event:
        """What it says; without changes, if it is an update that nobody heeds at this moment."""
        head = _HEAD.match(event)
        if head is None:
            return self.read(event)
        time, wall, name, id = head.groups()
        version, theirs = Version(int.from_bytes(time, "little")), name.decode(errors="replace")
        key, ours = DocumentKey(theirs, ObjectId(id)), self._naming.ours(theirs)
        known = key if ours is None or ours == theirs else DocumentKey(ours, key.id)
        if ours is not None and not self._heeds(known):
            return Event(version, None)
        described = bson.decode(event[head.end() : -1], CODEC)
        change = decode_update(key, described)
        written = _EPOCH + timedelta(milliseconds=int.from_bytes(wall, "little"))
        return Event(version, self._naming.translated((change,)), written)

    def read(self, event: bytes) -> Event:
        """What it says, with all that it changes. Raises InvalidBSON."""
        said = bson.decode(event, CODEC)
        return Event(
            event_version(said),
            self._naming.translated(decode_event(said)),
            said.get("wallTime"),
            "txnNumber" in said,
        )

    @staticmethod
    def token(event: bytes) -> Mapping[str, Any]:
        """What the stream is resumed after it with."""
        token: Mapping[str, Any] = bson.decode(event, CODEC)["_id"]
        return token
