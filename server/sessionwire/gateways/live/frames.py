"""The frames of the live wire (docs/protocol.md), decoded and encoded; pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Never

import msgspec
from msgspec import Meta

from sessionwire.errors import ProtocolError
from sessionwire.gateways.live.server_frames import (
    Bye,
    FrameLimits,
    Hello,
    Hex16,
    Pong,
    Refused,
    Status,
    SubscriptionId,
)
from sessionwire.model import format_version
from sessionwire.reactive.view import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.model import Version
    from sessionwire.reactive.outbox import Delivery

__all__ = [
    "Ack",
    "ClientFrame",
    "CLIENT_FRAMES",
    "Ping",
    "Poll",
    "PollSubscription",
    "Subscribe",
    "Unsubscribe",
    "decode",
    "decode_poll",
    "encode_bye",
    "encode_error",
    "encode_hello",
    "encode_pending",
    "encode_pong",
    "encode_status",
    "encode_unavailable",
    "encode_update",
]

_DEPTH = 32
_AROUND = 2
"""How deep in the body of a poll a subscription is."""


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: SubscriptionId
    query: Annotated[str, Meta(min_length=1, max_length=128)]
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    since: Hex16 | None = None
    tag: Hex16 | None = None


class Unsubscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: SubscriptionId


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Ack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Hex16


class PollSubscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: SubscriptionId
    query: Annotated[str, Meta(min_length=1, max_length=128)]
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    tag: Hex16 | None = None
    error: Annotated[str, Meta(max_length=128)] | None = None


class Poll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a poll: all subscriptions of one connection that lasts for one answer."""

    subscriptions: list[PollSubscription]
    since: Hex16 | None = None
    wait: Annotated[float, Meta(ge=0)] | None = None


ClientFrame = Subscribe | Unsubscribe | Ping | Ack

CLIENT_FRAMES: dict[str, type[ClientFrame]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
    "ack": Ack,
}
_PATH = re.compile(r" - at `\$\.?([^`]*)`")


def decode(text: str) -> ClientFrame:
    """The frame in a text message.

    Raises ProtocolError `invalid_json`, `invalid_frame` or `unknown_op`, with the id if it has one.
    """
    fields = _parse(text)
    if not isinstance(fields, dict):
        raise ProtocolError("a frame is a JSON object", code="invalid_frame")
    frame_id = fields.get("id")
    if not isinstance(frame_id, int) or isinstance(frame_id, bool) or not 0 <= frame_id < 2**31:
        frame_id = None
    op = fields.pop("op", None)
    kind = CLIENT_FRAMES.get(op) if isinstance(op, str) else None
    if kind is None:
        code = "unknown_op" if isinstance(op, str) else "invalid_frame"
        raise ProtocolError(
            "op is one of " + ", ".join(CLIENT_FRAMES), code=code, frame_id=frame_id
        )
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise ProtocolError(_said(error), code="invalid_frame", frame_id=frame_id) from None


def decode_poll(text: str) -> Poll:
    """The body of a poll. Raises ProtocolError `invalid_json` or `invalid_frame`."""
    try:
        return msgspec.convert(_parse(text, depth=_DEPTH + _AROUND), Poll)
    except msgspec.ValidationError as error:
        raise ProtocolError(_said(error), code="invalid_frame") from None


def _said(error: msgspec.ValidationError) -> str:
    return _PATH.sub(lambda match: f" in {match[1]}" if match[1] else "", str(error))


def _parse(text: str, *, depth: int = _DEPTH) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        msgspec.json.encode(value)  # refuses lone surrogates, which no frame could carry back
    except (ValueError, RecursionError):
        raise ProtocolError("not a JSON text", code="invalid_json") from None
    if _depth(value) > depth:
        raise ProtocolError("nested too deeply", code="invalid_json")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key appears twice")
    return fields


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inside: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inside.extend(each.values())
            elif isinstance(each, list):
                inside.extend(each)
        level = inside
    return depth


_encode = msgspec.json.Encoder().encode
_PONG = _encode(Pong())


def encode_hello(
    *, version: Version, heartbeat: int, frame_limit: int, subscription_limit: int
) -> bytes:
    limits = FrameLimits(frame=frame_limit, subscriptions=subscription_limit)
    shown = format_version(version)
    return _encode(Hello(protocol=1, version=shown, heartbeat=heartbeat, limits=limits))


def encode_pending(id: int) -> bytes:
    return b'{"op":"pending","id":%d}' % id


def encode_status(*, live: bool) -> bytes:
    return _encode(Status(live))


def encode_error(error: ProtocolError) -> bytes:
    id = msgspec.UNSET if error.frame_id is None else error.frame_id
    return _encode(Refused(error.code, error.message[:300], id))


def encode_bye(reason: str, *, retry: bool, after: int | None) -> bytes:
    return _encode(Bye(reason, retry, msgspec.UNSET if after is None else after))


def encode_pong() -> bytes:
    return _PONG


def encode_unavailable(ids: Sequence[int], version: Version) -> bytes:
    """An update saying that this process has not reached what these subscriptions saw elsewhere."""
    error = {"code": "version_unavailable", "message": "this process is behind that version"}
    results = [{"id": id, "error": error} for id in ids]
    return _encode({"op": "update", "version": format_version(version), "results": results})


def encode_update(deliveries: Sequence[Delivery], version: Version, *, ack: bool = False) -> bytes:
    """One frame of several results; that of a single result is built once for all who get it.

    With `ack` the client is asked to say when it shows them.
    """
    if len(deliveries) != 1 or deliveries[0].unchanged:
        return _update(b",".join(map(_result, deliveries)), version, ack)
    (delivery,) = deliveries
    if not delivery.shared:
        return _update(_result(delivery), version, ack)
    key = (delivery.id, version, ack)
    shared = delivery.result.shared
    if shared is None or shared[0] != key:
        frame = _update(_result(delivery), version, ack)
        shared = delivery.result.shared = (key, frame)
    return shared[1]


def _update(results: bytes, version: Version, ack: bool) -> bytes:
    asked = b',"ack":true' if ack else b""
    return b'{"op":"update","version":"%016x","results":[%b]%b}' % (version, results, asked)


def _result(delivery: Delivery) -> bytes:
    outcome = delivery.result.outcome
    if not isinstance(outcome, Answer):
        error = {"code": outcome.code, "message": outcome.message[:300]}
        return b'{"id":%d,"error":%b}' % (delivery.id, _encode(error))
    tag = delivery.result.tag.encode()
    if delivery.unchanged:
        return b'{"id":%d,"unchanged":true,"tag":"%b"}' % (delivery.id, tag)
    return b'{"id":%d,"data":%b,"tag":"%b"}' % (delivery.id, outcome.encoded, tag)
