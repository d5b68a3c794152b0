"""What clients send is decoded strictly; what they get is JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.errors import ProtocolError
from sessionwire.gateways.live import frames
from sessionwire.gateways.live.frames import Ping, Subscribe, Unsubscribe, decode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


def test_the_three_ops_are_decoded() -> None:
    assert decode('{"op":"ping"}') == Ping()
    assert decode('{"op":"unsubscribe","id":3}') == Unsubscribe(3)
    since, tag = "6b042ac000000001", "0123456789abcdef"
    text = json.dumps(
        {"op": "subscribe", "id": 1, "query": "user", "args": {"a": 1}, "since": since, "tag": tag}
    )
    assert decode(text) == Subscribe(1, "user", {"a": 1}, since, tag)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("nul", "invalid_json"),
        ('{"op":"ping","op":"ping"}', "invalid_json"),
        ('{"op":"subscribe","id":1,"query":"q","args":{"x":NaN}}', "invalid_json"),
        ('{"op":"subscribe","id":1,"query":"\\ud800"}', "invalid_json"),
        ('{"op":"ping","deep":' + "[" * 40 + "]" * 40 + "}", "invalid_json"),
        ("[" * 8_000, "invalid_json"),
        ('{"op":"subscribe","id":' + "9" * 5_000 + ',"query":"q"}', "invalid_json"),
        ("[]", "invalid_frame"),
        ("null", "invalid_frame"),
        ("7", "invalid_frame"),
        ("{}", "invalid_frame"),
        ('{"op":7}', "invalid_frame"),
        ('{"op":null}', "invalid_frame"),
        ('{"op":"Subscribe"}', "unknown_op"),
        ('{"op":"hello"}', "unknown_op"),
        ('{"op":"ping","id":1}', "invalid_frame"),
        ('{"op":"unsubscribe"}', "invalid_frame"),
        ('{"op":"unsubscribe","id":"1"}', "invalid_frame"),
        ('{"op":"unsubscribe","id":true}', "invalid_frame"),
        ('{"op":"unsubscribe","id":-1}', "invalid_frame"),
        ('{"op":"unsubscribe","id":2147483648}', "invalid_frame"),
        ('{"op":"unsubscribe","id":1.5}', "invalid_frame"),
        ('{"op":"subscribe","id":1}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":""}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":{"$ne":null}}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","args":[]}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","extra":1}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","since":"6B042AC000000001"}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","since":1}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","since":"6b042ac000000001\\n"}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"q","tag":"x"}', "invalid_frame"),
        ('{"op":"subscribe","id":1,"query":"' + "q" * 129 + '"}', "invalid_frame"),
    ],
)
def test_ws_16_a_bad_frame_has_its_code(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(text)
    assert caught.value.code == code
    assert len(caught.value.message) < 300


def test_a_refusal_names_the_subscription_it_speaks_of() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode('{"op":"subscribe","id":5,"query":7}')
    assert caught.value.frame_id == 5
    assert json.loads(frames.encode_error(caught.value))["id"] == 5


@given(JSON)
def test_ws_16_no_json_raises_anything_else(value: Any) -> None:
    try:
        decode(json.dumps(value))
    except ProtocolError as error:
        json.loads(frames.encode_error(error))


@given(st.text(max_size=200))
def test_ws_16_no_text_raises_anything_else(text: str) -> None:
    try:
        decode(text)
    except ProtocolError as error:
        assert error.code in {"invalid_json", "invalid_frame", "unknown_op"}


@given(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["subscribe", "unsubscribe", "ping"])},
        optional={"id": JSON, "query": JSON, "args": JSON, "since": JSON, "tag": JSON},
    )
)
def test_ws_16_no_field_raises_anything_else(fields: dict[str, Any]) -> None:
    try:
        decode(json.dumps(fields))
    except ProtocolError as error:
        json.loads(frames.encode_error(error))
