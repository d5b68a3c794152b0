"""MongoDB's cluster times as versions, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import Timestamp
from pymongo.errors import AutoReconnect

from sessionwire.model import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["from_timestamp", "time_of", "to_timestamp"]


def to_timestamp(version: int) -> Timestamp:
    return Timestamp(version >> 32, version & 0xFFFFFFFF)


def from_timestamp(timestamp: Timestamp) -> Version:
    return Version((timestamp.time << 32) | timestamp.inc)


def time_of(reply: Mapping[str, Any]) -> Version:
    """Of which moment a reply is.

    A member that is about to be elected, or to step down, may answer without saying so: that raises
    PyMongo's AutoReconnect, as any other sign that it is not the primary.
    """
    time = reply.get("operationTime")
    if time is None:
        raise AutoReconnect("the member does not say of which time its answer is")
    return from_timestamp(time)
