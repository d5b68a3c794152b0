"""Reads one field of a document that any program may have written.

What is not of the field's type reads as empty.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.model import ObjectId, format_date, format_id

if TYPE_CHECKING:
    from sessionwire.model import Document

__all__ = ["date", "exposed", "moment", "text", "text_or_none"]

_DEEPEST = 8
_LONGEST = 8_192
_SHORT = 1_024


def text(document: Document, field: str) -> str:
    value = document.get(field)
    return value if type(value) is str else ""  # as below


def text_or_none(document: Document, field: str) -> str | None:
    value = document.get(field)
    return value if type(value) is str else None  # MongoDB's code is a str, too, but no text


def moment(document: Document, field: str) -> datetime | None:
    value = document.get(field)
    return value if isinstance(value, datetime) else None


def date(document: Document, field: str) -> str | None:
    value = document.get(field)
    return format_date(value) if isinstance(value, datetime) else None


class _TooDeep(Exception):
    """More lists in lists than anybody means."""


def exposed(document: Document, field: str) -> Any:
    """The field as JSON can hold it: dates as the wires write them, ObjectIds as texts.

    Null for what JSON cannot hold, wherever it stands, and for a value that is nested deeper than 8
    levels or whose JSON is longer than 8 192 bytes.
    """
    value = document.get(field)
    try:
        plain = _plain(value, _DEEPEST)
    except _TooDeep:
        return None
    small = not isinstance(plain, str | dict | list) or (
        isinstance(plain, str) and len(plain) <= _SHORT
    )
    return plain if small or len(msgspec.json.encode(plain)) <= _LONGEST else None


def _plain(value: Any, depth: int) -> Any:
    """By exact type: the driver's texts that are code, or numbers that are no numbers, are null."""
    kind = type(value)
    if kind is str or kind is bool:
        return value
    if isinstance(value, int):
        return int(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return format_date(value)
    if kind is ObjectId:
        return format_id(value)
    if kind is not list and kind is not dict:
        return None
    if not depth:
        raise _TooDeep
    if kind is list:
        return [_plain(each, depth - 1) for each in value]
    return {name: _plain(each, depth - 1) for name, each in value.items()}
