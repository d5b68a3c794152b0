"""The frames that the server sends, as structs (docs/protocol.md#frames-from-the-server); pure.

What is sent often, `pending` and `update`, is put together from bytes in `frames`; the tests hold
that to these structs.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "SERVER_FRAMES",
    "Bye",
    "Failed",
    "Fault",
    "FrameLimits",
    "Hello",
    "Hex16",
    "Pending",
    "Pong",
    "Refused",
    "Shown",
    "Status",
    "SubscriptionId",
    "Unchanged",
    "Update",
]

SubscriptionId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Hex16 = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]  # `$` allows a line feed


class FrameLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    frame: Annotated[int, Meta(description="The largest frame of a client, in bytes.")]
    subscriptions: Annotated[int, Meta(description="Subscriptions of one connection.")]


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="hello"):
    """The first frame of every connection."""

    protocol: Literal[1]
    version: Hex16
    heartbeat: Annotated[int, Meta(description="Seconds of silence after which a client pings.")]
    limits: FrameLimits


class Pending(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="pending"
):
    """The subscription is accepted, and being resolved."""

    id: SubscriptionId


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    message: Annotated[str, Meta(max_length=300)]


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The subscription shows these data."""

    id: SubscriptionId
    data: Any
    tag: Hex16


class Unchanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data are those of the tag that the client gave."""

    id: SubscriptionId
    unchanged: Literal[True]
    tag: Hex16


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There are no data; the subscription lives on."""

    id: SubscriptionId
    error: Fault


class Update(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="update"):
    """Every result that changed, all of the moment `version`."""

    version: Hex16
    results: Annotated[list[Any], Meta(min_length=1)]
    """Of `Shown`, `Unchanged` or `Failed`, which msgspec cannot write as one type."""
    ack: Annotated[Literal[True], Meta(description="Say `ack` once it is shown.")] | UnsetType = (
        UNSET
    )


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="status"):
    """The server lost or regained the change stream: while not live, what is shown is stale."""

    live: bool


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="error"):
    """A frame of the client was refused, and had no effect."""

    code: str
    message: Annotated[str, Meta(max_length=300)]
    id: SubscriptionId | UnsetType = UNSET


class Bye(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="bye"):
    """The last frame. The close follows at once."""

    reason: str
    retry: Annotated[bool, Meta(description="Whether to come back with this credential.")]
    after: Annotated[int, Meta(ge=0, description="Milliseconds to wait before.")] | UnsetType = (
        UNSET
    )


class Pong(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="pong"):
    """The answer to `ping`."""


SERVER_FRAMES = (Hello, Pending, Update, Status, Refused, Bye, Pong)
