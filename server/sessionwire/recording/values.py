"""Values of documents as the JSON of a recording writes them, and back; pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from sessionwire.model import ObjectId, format_date, parse_id

__all__ = ["decode_value", "encode_value"]

_LARGEST = 2**63
_OBJECT = "$object"


def encode_value(value: Any) -> Any:
    """`{"$oid": …}`, `{"$date": …}`, and JSON's own kinds; null for what is none of these.

    By exact type: the driver's texts that are code are no texts. An object with one member whose
    name begins with `$` is `{"$object": …}`.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if isinstance(value, int):
        return int(value) if -_LARGEST <= value < _LARGEST else None
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return {"$date": format_date(value)}
    if kind is ObjectId:
        return {"$oid": str(value)}
    if kind is list:
        return [encode_value(each) for each in value]
    if kind is dict:
        encoded = {name: encode_value(each) for name, each in value.items()}
        return {_OBJECT: encoded} if _is_special(encoded) else encoded
    return None


def decode_value(value: Any) -> Any:
    """Raises ValueError for what `encode_value` does not write."""
    if isinstance(value, list):
        return [decode_value(each) for each in value]
    if not isinstance(value, dict):
        return value
    if not _is_special(value):
        return {name: decode_value(each) for name, each in value.items()}
    ((name, inside),) = value.items()
    try:
        match name:
            case "$oid" if isinstance(id := parse_id(inside), ObjectId):
                return id
            case "$date":
                return datetime.fromisoformat(inside)
            case "$object":
                return {each: decode_value(member) for each, member in inside.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{name} holds {inside!r}: {error}") from None
    raise ValueError(f"no value is written as {name}: {inside!r}")


def _is_special(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")
