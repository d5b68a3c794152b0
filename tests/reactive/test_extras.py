"""Fields of the application's own: what of them is shown, and that nothing else changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from bson import Binary, Code, Decimal128, Int64, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from sessionwire.errors import StartupError
from sessionwire.model import ObjectId
from sessionwire.reactive.extras import NO_EXTRAS, Extras
from sessionwire.reactive.fields import exposed
from sessionwire.reactive.shapes import Session, User

ID = ObjectId()
AT = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
USER: dict[str, Any] = {
    "id": "1",
    "name": "A",
    "email": "a@x",
    "email_verified": True,
    "image": None,
    "created_at": None,
    "updated_at": None,
    "active_organization_id": None,
    "onboarded": True,
}


def nested(depth: int) -> Any:
    return [] if depth == 1 else [nested(depth - 1)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        (True, True),
        (5, 5),
        (Int64(2**40), 2**40),
        (2.5, 2.5),
        (None, None),
        (AT, "2026-07-01T12:00:00.123Z"),
        (ID, str(ID)),
        ([1, [ID], {"a": AT}], [1, [str(ID)], {"a": "2026-07-01T12:00:00.123Z"}]),
        ({"a": b"x", "b": [uuid4(), 1]}, {"a": None, "b": [None, 1]}),
        (float("nan"), None),
        (float("inf"), None),
        (b"bytes", None),
        (Binary(b"x"), None),
        (Code("f()"), None),
        (Regex("x"), None),
        (Timestamp(1, 1), None),
        (Decimal128("1.5"), None),
        (DatetimeMS(2**60), None),
        ("x" * 8_190, "x" * 8_190),
        ("x" * 8_191, None),
        (["x" * 900] * 10, None),
        (nested(8), nested(8)),
        (nested(9), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_field_is_shown_as_json_can_hold_it(value: Any, shown: Any) -> None:
    found = exposed({"field": value}, "field")
    assert found == shown and type(found) is type(shown)
    assert json.loads(msgspec.json.encode(found)) == shown


def test_a_missing_field_is_null() -> None:
    assert exposed({}, "field") is None


def test_without_fields_the_shapes_are_what_they_were() -> None:
    assert NO_EXTRAS.user is User and NO_EXTRAS.session is Session
    assert NO_EXTRAS.of_user({"_id": ID, "plan": "pro"}) == {}


def test_fields_come_after_ours_under_their_own_names() -> None:
    extras = Extras(user_fields=("plan", "favorite_color", "class"))
    user = extras.user(**USER, **extras.of_user({"plan": "pro", "favorite_color": 1, "x": 2}))
    plain = json.loads(msgspec.json.encode(user))
    assert list(plain) == [*User.__struct_encode_fields__, "plan", "favorite_color", "class"]
    assert plain["plan"] == "pro" and plain["favorite_color"] == 1 and plain["class"] is None
    assert isinstance(user, User) and user["favorite_color"] == 1
    ours = msgspec.json.encode(User(**USER))
    assert msgspec.json.encode(user).startswith(ours[:-1])


@pytest.mark.parametrize(
    "given",
    [
        {"user_fields": ("name",)},
        {"user_fields": ("emailVerified",)},
        {"user_fields": ("email_verified",)},
        {"user_fields": ("passwordHash",)},
        {"user_fields": ("plan", "plan")},
        {"session_fields": ("token",)},
        {"session_fields": ("expiresAt",)},
        {"session_fields": ("a.b",)},
    ],
)
def test_a_field_that_must_not_be_shown_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(StartupError, match="SESSIONWIRE_(USER|SESSION)_FIELDS"):
        Extras(**given)
