from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.errors import BadRequest
from sessionwire.exchange.schema import (
    UNDEFINED,
    Field,
    Schema,
    address,
    boolean,
    choice,
    count,
    filled,
    record,
    roles,
    string,
)

RECEIVED: list[tuple[object, str]] = [
    (UNDEFINED, "undefined"),
    (None, "null"),
    (True, "boolean"),
    (1, "number"),
    (1.5, "number"),
    ([], "array"),
    ({}, "object"),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def fault(schema: Schema, value: object) -> str:
    with pytest.raises(BadRequest) as refused:
        schema.parse(value)
    assert refused.value.code == "VALIDATION_ERROR"
    return refused.value.message


@pytest.mark.parametrize(("value", "received"), RECEIVED)
def test_a_value_of_another_kind_is_called_as_javascript_calls_it(
    value: object, received: str
) -> None:
    body = {} if value is UNDEFINED else {"x": value}
    wanted = f"[body.x] Invalid input: expected string, received {received}"
    assert fault(Schema((Field("x"),)), body) == wanted


@pytest.mark.parametrize(("value", "received"), [*RECEIVED[:-1], ("text", "string")])
def test_a_body_of_another_kind_is_refused_as_a_whole(value: object, received: str) -> None:
    assert fault(Schema(), value) == f"[body] Invalid input: expected object, received {received}"


def test_every_fault_is_named_in_the_order_of_the_fields() -> None:
    schema = Schema((Field("a", filled), Field("b", address), Field("c", boolean)))
    assert fault(schema, {"c": 1, "b": "nope", "a": ""}) == (
        "[body.a] Too small: expected string to have >=1 characters; "
        "[body.b] Invalid email address; "
        "[body.c] Invalid input: expected boolean, received number"
    )


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (record, [], "Invalid input: expected record, received array"),
        (roles, None, "Invalid input"),
        (roles, ["a", 1], "Invalid input"),
        (count, "-1", "Invalid input: expected number, received NaN"),
        (count, "1e9", "Invalid input: expected number, received NaN"),
        (count, "٣", "Invalid input: expected number, received NaN"),
        (count, "9" * 40, "Invalid input: expected number, received NaN"),
        (choice("a", "b"), "c", 'Invalid option: expected one of "a"|"b"'),
        (choice("a", "b"), ["a"], 'Invalid option: expected one of "a"|"b"'),
    ],
)
def test_each_kind_says_what_it_takes(kind: Any, value: object, message: str) -> None:
    assert fault(Schema((Field("x", kind),)), {"x": value}) == f"[body.x] {message}"


def test_unknown_fields_are_dropped_and_absent_ones_stay_absent() -> None:
    schema = Schema((Field("a"), Field("b", required=False), Field("c", nullable=True)))
    assert schema.parse({"a": "1", "c": None, "role": "admin", "$where": "x"}) == {
        "a": "1",
        "c": None,
    }
    wanted = "[body.b] Invalid input: expected string, received null"
    assert fault(schema, {"a": "1", "b": None, "c": None}) == wanted


@pytest.mark.parametrize(
    ("value", "names"),
    [("admin", ["admin"]), ("a, b", ["a", "b"]), (["a", "b"], ["a", "b"]), ("", []), ([], [])],
)
def test_roles_are_one_text_or_a_list(value: object, names: list[str]) -> None:
    assert roles(value) == names


@given(json_values)
def test_any_json_value_is_taken_or_refused(value: object) -> None:
    kinds = (string, filled, address, boolean, record, roles, count, choice("a"))
    schema = Schema(tuple(Field(kind.__name__, kind) for kind in kinds))
    with pytest.raises(BadRequest):
        schema.parse({kind.__name__: value for kind in kinds})
    with pytest.raises(BadRequest):
        schema.parse(value)
