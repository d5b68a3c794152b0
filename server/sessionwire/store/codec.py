"""How BSON is decoded, wherever it comes from."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from bson import CodecOptions, UuidRepresentation
from bson.codec_options import DatetimeConversion

__all__ = ["CODEC"]

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    tzinfo=UTC,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    uuid_representation=UuidRepresentation.STANDARD,
)
"""Decoding never fails on a foreign writer's data: odd text and dates come as they can."""
