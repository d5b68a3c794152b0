"""Change events turned into changes: every kind, and kinds that nobody has promised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import Binary, Code, Int64, ObjectId, Regex, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import OpaqueId
from sessionwire.reactive.change import Delete, DocumentKey, Dropped, Put, Update
from sessionwire.store.codec import CODEC
from sessionwire.store.decode import (
    decode_event,
    decode_id,
    encode_id,
    event_version,
    token_version,
)

NOW = Timestamp(1_790_000_000, 7)
VERSION = (1_790_000_000 << 32) | 7
ALICE = DocumentKey("user", "alice")


def event(kind: str, **more: Any) -> dict[str, Any]:
    """An event as MongoDB sends it."""
    return {
        "_id": {"_data": "82"},
        "operationType": kind,
        "clusterTime": NOW,
        "ns": {"db": "app", "coll": "user"},
        "documentKey": {"_id": "alice"},
        **more,
    }


def test_an_insert_puts_a_new_document() -> None:
    document = {"_id": "alice", "name": "Alice"}
    assert decode_event(event("insert", fullDocument=document)) == (
        Put(ALICE, document, inserted=True),
    )


def test_a_replacement_puts_a_document_that_was_there() -> None:
    assert decode_event(event("replace", fullDocument={"_id": "alice"})) == (
        Put(ALICE, {"_id": "alice"}, inserted=False),
    )


def test_an_update_says_what_was_set_removed_and_cut() -> None:
    description = {
        "updatedFields": {"name": "B", "list.2": 5},
        "removedFields": ["old", "deep.er"],
        "truncatedArrays": [{"field": "list", "newSize": 2}],
    }
    assert decode_event(event("update", updateDescription=description)) == (
        Update(ALICE, {"name": "B", "list.2": 5}, ("old", "deep.er"), (("list", 2),)),
    )


def test_an_update_may_leave_out_what_it_did_not_do() -> None:
    description = {"updatedFields": None, "removedFields": None}
    assert decode_event(event("update", updateDescription=description)) == (Update(ALICE),)


def test_a_delete_names_the_document() -> None:
    assert decode_event(event("delete")) == (Delete(ALICE),)


def test_a_drop_makes_the_collection_unknown() -> None:
    assert decode_event(event("drop")) == (Dropped("user"),)


def test_a_rename_makes_both_names_unknown() -> None:
    renamed = event("rename", to={"db": "app", "coll": "people"})
    assert decode_event(renamed) == (Dropped("user"), Dropped("people"))


def test_a_dropped_database_makes_everything_unknown() -> None:
    dropped = event("dropDatabase", ns={"db": "app"})
    assert decode_event(dropped) == (Dropped(None),)


@pytest.mark.parametrize("kind", ["invalidate", "create", "createIndexes", "modify", "something"])
def test_events_about_no_document_change_nothing(kind: str) -> None:
    assert decode_event(event(kind)) == ()


@pytest.mark.parametrize(
    "malformed",
    [
        event("insert"),
        event("insert", fullDocument={}, documentKey={}),
        event("replace", documentKey=None, fullDocument={}),
        event("update"),
        event("update", updateDescription=None),
        event("update", updateDescription={"truncatedArrays": [{"field": "a"}]}),
        event("delete", documentKey={}),
        event("rename"),
        event("rename", to=None),
    ],
)
def test_a_malformed_event_makes_its_collection_unknown(malformed: dict[str, Any]) -> None:
    assert decode_event(malformed) == (Dropped("user"),)


def test_a_malformed_event_of_no_collection_makes_everything_unknown() -> None:
    assert decode_event({"operationType": "delete", "clusterTime": NOW}) == (Dropped(None),)


def test_an_events_version_is_its_cluster_time() -> None:
    assert event_version(event("insert")) == VERSION


def test_ids_that_python_compares_as_mongodb_does_are_themselves() -> None:
    for id in (ObjectId(), "alice", 5, "a.dotted.id", "", UUID(int=7)):
        assert decode_id(id) == id
        assert encode_id(decode_id(id)) == id


@pytest.mark.parametrize("same", [5, Int64(5), 5.0])
def test_a_whole_number_is_one_id_whatever_its_width(same: float) -> None:
    assert decode_id(same) == 5
    assert type(decode_id(same)) is int


OPAQUE = [
    {"a": 1, "b": {"c": 2}},
    {"b": 1, "a": 1},
    True,
    2.5,
    1e300,
    None,
    datetime(2026, 1, 2, tzinfo=UTC),
    Binary(b"x", 5),
    Code("x"),
    Regex("x"),
]


@pytest.mark.parametrize("id", OPAQUE)
def test_other_ids_are_their_bson(id: Any) -> None:
    decoded = decode_id(id)
    assert isinstance(decoded, OpaqueId)
    assert hash(decoded) == hash(decode_id(id))
    assert bson.encode({"_id": encode_id(decoded)}) == bson.encode({"_id": id})


def test_opaque_ids_differ_where_mongodb_says_they_differ() -> None:
    distinct = {decode_id(id) for id in (*OPAQUE, 1, {"a": 1, "b": 1})}
    assert len(distinct) == len(OPAQUE) + 2


def test_a_date_that_python_cannot_hold_is_an_id_all_the_same() -> None:
    far = bson.decode(bson.encode({"_id": bson.DatetimeMS(2**60)}), CODEC)["_id"]
    assert encode_id(decode_id(far)) == bson.DatetimeMS(2**60)


BSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.dictionaries(st.text(min_size=1).filter(lambda n: "\0" not in n), inner),
)


@given(BSON)
def test_any_id_can_be_asked_for_again(id: Any) -> None:
    stored = bson.encode({"_id": id})
    asked = {"_id": encode_id(decode_id(bson.decode(stored, CODEC)["_id"]))}
    assert decode_id(bson.decode(bson.encode(asked), CODEC)["_id"]) == decode_id(
        bson.decode(stored, CODEC)["_id"]
    )


@given(st.integers(0, 2**64 - 1))
def test_a_token_tells_its_time(version: int) -> None:
    assert token_version({"_data": f"82{version:016X}0000000A2B0229296E04"}) == version


@pytest.mark.parametrize(
    "token",
    [{}, {"_data": None}, {"_data": b"82"}, {"_data": "82"}, {"_data": "83" + "0" * 16}]
    + [{"_data": "82" + "Z" * 16}],
)
def test_a_token_of_another_kind_tells_nothing(token: dict[str, Any]) -> None:
    assert token_version(token) is None
