"""Values come back from JSON as they were, and what is no value of a view is null."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson import Code, Int64
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionwire.model import ObjectId
from sessionwire.recording.values import decode_value, encode_value

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)).map(
    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=UTC)
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | MOMENTS
    | st.binary(min_size=12, max_size=12).map(ObjectId)
)
NAMES = st.text() | st.sampled_from(["$oid", "$date", "$object", "$other"])
VALUES = st.recursive(PLAIN, lambda v: st.lists(v) | st.dictionaries(NAMES, v, max_size=3))


@settings(max_examples=50)
@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert decode_value(json.loads(json.dumps(encode_value(value)))) == value


@pytest.mark.parametrize(
    "value", [float("nan"), Decimal(1), UUID(int=1), b"bytes", Code("secret()"), 2**70, {1}]
)
def test_what_no_view_shows_is_null(value: Any) -> None:
    assert encode_value(value) is None


def test_a_long_of_the_driver_is_a_number() -> None:
    assert type(encode_value(Int64(5))) is int


@pytest.mark.parametrize(
    "value", [{"$oid": "x"}, {"$oid": 5}, {"$date": "yesterday"}, {"$object": 1}, {"$ref": "a"}]
)
def test_what_was_never_written_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\$"):
        decode_value(value)
