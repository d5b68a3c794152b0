"""What is said of a change names listed fields, and never a value."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import ObjectId
from sessionwire.observing.redaction import Redaction
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Put, Update

CANARY = "c4n4ry"
fields = st.sampled_from(
    ["name", "token", "password", "secret", "twoFactorSecret", "email", f"field-{CANARY}", "role"]
)
collections = st.sampled_from(["user", "session", "sessionEnd", "account", "verification", "p"])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    key = DocumentKey(draw(collections), f"id-{CANARY}" if draw(st.booleans()) else ObjectId())
    values = {name: CANARY for name in draw(st.lists(fields, max_size=5))}
    made: list[Change] = [
        Put(key, values),
        Update(key, {f"{name}.{CANARY}": CANARY for name in values}, (CANARY,)),
        Update(key, values, tuple(values), ((f"token.{CANARY}", 1),)),
        Delete(key),
        Dropped(key.collection),
    ]
    return draw(st.sampled_from(made))


@given(changes())
def test_no_value_and_no_unlisted_field_is_ever_said(change: Change) -> None:
    facts = Redaction().facts(change, {"userId": None})
    said = msgspec.json.encode(msgspec.structs.replace(facts, id=None, user=None)).decode()
    for name in ("token", "assword", "ecret", f"field-{CANARY}"):
        assert name not in said.replace('"secret":', "")
    assert CANARY not in said


def test_what_a_link_opens_has_no_id() -> None:
    facts = Redaction().facts(Delete(DocumentKey("invitation", ObjectId())))
    assert facts.id is None and facts.operation == "delete"


def test_what_is_made_of_a_credential_has_no_id() -> None:
    change = Put(DocumentKey("sessionEnd", "digest"), {"reason": "revoked"}, inserted=True)
    facts = Redaction().facts(change)
    assert facts.id is None and facts.fields == ["reason"] and facts.operation == "insert"


def test_further_fields_are_shown_when_they_are_named() -> None:
    key = DocumentKey("project", 7)
    change = Update(key, {"name": "x", "budget": 5})
    unlisted = Redaction().facts(change)
    assert (unlisted.fields, unlisted.hidden) == ([], 2)
    listed = Redaction({"project": ["name"]}).facts(change)
    assert (listed.fields, listed.hidden) == (["name"], 1)


def test_whose_document_it_is_is_said() -> None:
    owner, organization = ObjectId(), ObjectId()
    key = DocumentKey("member", ObjectId())
    held = {"userId": owner, "organizationId": organization}
    facts = Redaction().facts(Update(key, {"role": "owner"}), held)
    assert (facts.user, facts.organization) == (str(owner), str(organization))
