"""What may be written down: an allow-list, in which personal data have pseudonyms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import ObjectId, OpaqueId
from sessionwire.observing.redaction import LISTED
from sessionwire.reactive.change import DocumentKey, Update
from sessionwire.reactive.delta import apply_update
from sessionwire.reactive.identity import tombstone_id
from sessionwire.recording.excerpt import FIELDS, Excerpt
from sessionwire.recording.pseudonyms import Pseudonyms

WHEN = datetime(2026, 11, 28, tzinfo=UTC)
ALICE = {
    "_id": ObjectId(b"a" * 12),
    "name": "Alice",
    "email": "alice@example.org",
    "emailVerified": True,
    "image": "https://img.example/a.png",
    "onboardedAt": WHEN,
    "createdAt": WHEN,
    "activeOrganizationId": "0a0000000000000000000001",
    "role": "admin",
    "plan": "pro",
    "password": "hunter2",
}


def excerpt(**options: Any) -> Excerpt:
    return Excerpt(Pseudonyms(), **options)


def test_the_fields_are_those_that_may_be_shown_and_the_token() -> None:
    """Who lists another field for watching has to say here of which kind its values are."""
    found = {name: set(fields) for name, fields in FIELDS.items()}
    found["session"].remove("token")
    assert found == {name: set(fields) for name, fields in LISTED.items()}


def test_a_user_is_written_without_what_is_private() -> None:
    assert excerpt().document("user", ALICE) == {
        "_id": ALICE["_id"],
        "name": "Person 1",
        "email": "person1@example.com",
        "emailVerified": True,
        "image": "/sessionwire/pages/icon.svg?1",
        "onboardedAt": WHEN,
        "createdAt": WHEN,
        "activeOrganizationId": "0a0000000000000000000001",
        "role": "admin",
    }


def test_personal_data_are_kept_on_request_and_credentials_never() -> None:
    taker = Excerpt(Pseudonyms(keep_personal=True))
    user = taker.document("user", ALICE)
    session = taker.document("session", {"_id": ObjectId(), "token": "secret", "userId": "u"})
    invitation = taker.document("invitation", {"_id": "link", "email": "b@example.org"})
    assert user is not None and user["name"] == "Alice" and "password" not in user
    assert session is not None and session["token"] == "viewer00000000000000000000000001"
    assert invitation == {"_id": "invitation-1", "email": "b@example.org"}


def test_the_same_text_has_the_same_pseudonym_everywhere() -> None:
    taker = excerpt()
    user = taker.document("user", ALICE)
    invitation = taker.document("invitation", {"_id": "i", "email": ALICE["email"]})
    other = taker.document("user", {"_id": ObjectId(), "name": "Alicia", "email": ""})
    assert user and invitation and other
    assert invitation["email"] == user["email"]
    assert other["name"] == "Person 2" and other["email"] == ""


def test_fields_of_the_application_are_written_with_their_texts_replaced() -> None:
    taker = excerpt(own={"user": ("plan", "settings")})
    found = taker.document("user", {**ALICE, "settings": {"theme": "dark", "size": 2}})
    assert found is not None
    assert found["plan"] == "text 1" and found["settings"] == {"theme": "text 2", "size": 2}


@pytest.mark.parametrize("value", [{"first": "Alice"}, ["Alice"], 7, b"Alice"])
def test_a_name_that_is_no_text_reads_as_empty(value: Any) -> None:
    found = excerpt().document("user", {"_id": "u", "name": value})
    assert found == {"_id": "u", "name": None}


def test_a_tombstone_is_named_by_the_token_of_its_session() -> None:
    taker = excerpt()
    stone = {"_id": tombstone_id("secret"), "reason": "revoked"}
    assert taker.document("sessionEnd", stone) is None, "nobody here had that session"
    taker.document("session", {"_id": "s", "token": "secret"})
    assert taker.document("sessionEnd", stone) == {
        "_id": "viewer00000000000000000000000001",
        "reason": "revoked",
    }


@pytest.mark.parametrize("id", ["alice@example.org", OpaqueId(b"alice")])
def test_an_id_that_tells_something_has_a_pseudonym(id: Any) -> None:
    taker = excerpt()
    assert taker.id("user", id) == "id-1"
    assert taker.value("member", "userId", id) in ("id-1", None)


def test_another_collection_is_not_written() -> None:
    assert excerpt().document("account", {"_id": 1, "password": "hunter2"}) is None


DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"a": st.integers(0, 3), "b": st.text(max_size=2), "c": st.lists(st.integers())}
)


@given(DOCUMENTS, DOCUMENTS)
def test_an_update_gives_the_excerpt_of_the_document_after_it(
    inside: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = {**ALICE, "settings": inside}
    paths = {f"settings.{name}": value for name, value in changed.items()}
    update = Update(DocumentKey("user", "u"), {"name": "Alicia", "password": "new", **paths})
    after = apply_update(before, update)
    taker = excerpt(own={"user": ("settings",)})
    held = taker.document("user", before)
    assert held is not None and after is not None
    assert taker.update(update, held) == taker.document("user", after)


def test_an_update_within_what_is_no_text_leaves_it_empty() -> None:
    taker = excerpt()
    held = taker.document("user", {"_id": "u", "name": {"first": "Alice"}})
    assert held is not None
    after = taker.update(Update(DocumentKey("user", "u"), {"name.first": "Alicia"}), held)
    assert after == {"_id": "u", "name": None}


def test_an_update_that_does_not_fit_has_to_be_read_anew() -> None:
    taker = excerpt(own={"user": ("settings",)})
    held = taker.document("user", {"_id": "u", "settings": {"a": 1}})
    assert held is not None
    update = Update(DocumentKey("user", "u"), {"settings.list.3": 1})
    assert taker.update(update, held) is None
