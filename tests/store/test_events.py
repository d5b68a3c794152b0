"""Events as BSON: what a look at the head says is what decoding all of it finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
import pytest
from bson import Int64, ObjectId, Timestamp
from bson.errors import InvalidBSON
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import Version
from sessionwire.reactive.change import Delete, DocumentKey, Dropped, Put, Update
from sessionwire.store.events import Events
from sessionwire.store.grouping import Event
from sessionwire.store.mapping import Naming

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = Version((1_790_000_000 << 32) | 7)
WALL = datetime(2026, 11, 28, 12, 30, 1, 987_000, tzinfo=UTC)
KEY = DocumentKey("user", ObjectId(b"twelve bytes"))


def raw(kind: str = "update", **more: Any) -> bytes:
    """An event's bytes, its fields in MongoDB's order."""
    fields: dict[str, Any] = {
        "_id": {"_data": "82AB12"},
        "operationType": kind,
        "clusterTime": Timestamp(1_790_000_000, 7),
        "wallTime": WALL,
        **{name: more.pop(name) for name in ("lsid", "txnNumber") if name in more},
        "ns": {"db": "d", "coll": "user"},
        "documentKey": {"_id": KEY.id},
        "updateDescription": {"updatedFields": {"name": "A"}},
    }
    return bson.encode({**fields, **more})


def events(
    heeds: Callable[[DocumentKey], bool] = lambda key: True, naming: Naming | None = None
) -> Events:
    return Events(naming or Naming(), heeds=heeds)


class Asked(list[DocumentKey]):
    """Which documents' updates it was asked to heed."""

    def __init__(self, *, heeds: bool) -> None:
        super().__init__()
        self._heeds = heeds

    def __call__(self, key: DocumentKey) -> bool:
        self.append(key)
        return self._heeds


def test_a_look_at_an_update_finds_all_that_reading_it_does() -> None:
    assert events().look(raw()) == Event(VERSION, (Update(KEY, {"name": "A"}),), WALL)
    assert events().look(raw()) == events().read(raw())


NAMES = st.text(min_size=1, max_size=8).filter(lambda name: "\0" not in name)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()
DESCRIPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "updatedFields": st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES)),
        "removedFields": st.lists(NAMES),
        "truncatedArrays": st.lists(
            st.fixed_dictionaries({"field": NAMES, "newSize": st.integers(0, 9)})
        ),
    },
)


@given(
    description=DESCRIPTIONS,
    seconds=st.integers(0, 2**32 - 1),
    ms=st.integers(0, 253_402_300_799_999),
    collection=NAMES.filter(lambda name: "$" not in name),
)
def test_whatever_is_updated_a_look_finds_what_reading_does(
    *, description: dict[str, Any], seconds: int, ms: int, collection: str
) -> None:
    event = raw(
        clusterTime=Timestamp(seconds, 3),
        wallTime=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms),
        ns={"db": "d", "coll": collection},
        updateDescription=description,
    )
    assert events().look(event) == events().read(event)


@pytest.mark.parametrize(
    "description",
    [{"updatedFields": 5}, {"truncatedArrays": [1]}, {"removedFields": 5}, {"truncatedArrays": 1}],
)
def test_an_update_that_cannot_be_read_makes_its_collection_unknown(description: Any) -> None:
    event = raw(updateDescription=description)
    assert events().look(event) == events().read(event)


def test_what_nobody_heeds_is_not_read() -> None:
    asked = Asked(heeds=False)
    looking = events(asked)
    assert looking.look(raw()) == Event(VERSION, None)
    assert asked == [KEY]


@pytest.mark.parametrize("kind", ["insert", "replace", "delete", "drop"])
def test_only_updates_can_go_unread(kind: str) -> None:
    assert events(heeds=lambda key: False).look(raw(kind)).changes is not None


def test_transactions_and_other_ids_are_always_read() -> None:
    looking = events(heeds=lambda key: False)
    within = looking.look(raw(lsid={"id": b"x"}, txnNumber=Int64(1)))
    assert within.in_transaction and within.changes == (Update(KEY, {"name": "A"}),)
    named = looking.look(raw(documentKey={"_id": "bytes 7"}))
    assert named.changes == (Update(DocumentKey("user", "bytes 7"), {"name": "A"}),)
    sharded = looking.look(raw(documentKey={"region": 7, "_id": KEY.id}))
    assert sharded.changes == (Update(KEY, {"name": "A"}),)


def test_a_writer_cannot_make_a_look_see_another_document() -> None:
    other = raw().replace(b"twelve bytes", b"another one!")
    asked = Asked(heeds=True)
    looking = events(asked)
    looking.look(raw("insert", fullDocument={"_id": 1, "x": other}))
    assert asked == []


def test_users_of_another_name_are_looked_for_by_ours() -> None:
    naming = Naming(users="people", fields={"name": "fullName"})
    asked = Asked(heeds=True)
    looking = events(asked, naming)
    theirs = raw(
        ns={"db": "d", "coll": "people"}, updateDescription={"updatedFields": {"fullName": "A"}}
    )
    found = looking.look(theirs)
    assert asked == [KEY]
    assert list(found.changes or ()) == [Update(KEY, {"name": "A"})]
    assert list(looking.look(raw()).changes or ()) == [], "their `user` is nothing to us"
    assert asked == [KEY]


def test_the_token_is_that_of_the_event() -> None:
    assert events().token(raw()) == {"_data": "82AB12"}


@given(st.data())
def test_a_damaged_event_is_an_error_or_another_event(data: Any) -> None:
    event = bytearray(raw())
    for _ in range(data.draw(st.integers(1, 3))):
        event[data.draw(st.integers(0, len(event) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = events().look(bytes(event))
    except (InvalidBSON, KeyError, AttributeError):
        return
    assert isinstance(found.version, int)
    assert found.changes is not None
    assert all(isinstance(each, Update | Dropped | Put | Delete) for each in found.changes)
