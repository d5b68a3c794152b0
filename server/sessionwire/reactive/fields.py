"""Reads one field of a document that any program may have written.

What is not of the field's type reads as empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sessionwire.model import format_date

if TYPE_CHECKING:
    from sessionwire.model import Document

__all__ = ["date", "moment", "text", "text_or_none"]


def text(document: Document, field: str) -> str:
    value = document.get(field)
    return value if isinstance(value, str) else ""


def text_or_none(document: Document, field: str) -> str | None:
    value = document.get(field)
    return value if isinstance(value, str) else None


def moment(document: Document, field: str) -> datetime | None:
    value = document.get(field)
    return value if isinstance(value, datetime) else None


def date(document: Document, field: str) -> str | None:
    value = moment(document, field)
    return None if value is None else format_date(value)
