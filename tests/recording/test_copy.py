"""The copy is what MongoDB would be: judged by the naive database of the replica's tests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionwire.model import Document, Version
from sessionwire.reactive.change import (
    Delete,
    DocumentKey,
    Dropped,
    Group,
    Key,
    Put,
    SetKey,
    Update,
)
from sessionwire.recording.copy import Copy
from sessionwire.recording.selection import selected
from support.naive import NaiveDatabase

KEYS = st.builds(DocumentKey, st.sampled_from(["a", "b"]), st.integers(1, 3))
FIELDS = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2))
PUTS = st.builds(lambda key, fields: Put(key, {"_id": key.id, **fields}), KEYS, FIELDS)
CHANGES = PUTS | st.builds(Delete, KEYS) | st.builds(Dropped, st.sampled_from(["a", "b", None]))


@settings(max_examples=50)
@given(st.lists(st.lists(CHANGES, max_size=3), max_size=6))
def test_a_load_finds_what_a_snapshot_read_would(
    groups: list[list[Put | Delete | Dropped]],
) -> None:
    naive, copy = NaiveDatabase(100), Copy(Version(100))
    everything: list[Key] = [
        *(DocumentKey(name, id) for name in "ab" for id in (1, 2, 3)),
        *(SetKey(name, "x", ("number", value)) for name in "ab" for value in range(3)),
    ]
    for number, changes in enumerate(groups, 101):
        for change in changes:
            copy.apply_one(change)
            match change:
                case Put(key, document):
                    naive._now.setdefault(key.collection, {})[key.id] = dict(document)
                case Delete(key):
                    naive._now.get(key.collection, {}).pop(key.id, None)
                case Dropped(None):
                    naive._now.clear()
                case Dropped(collection):
                    naive._now.pop(str(collection), None)
        copy.version = Version(number)
        naive._history.append((Version(number), {k: dict(v) for k, v in naive._now.items()}))
        assert copy.load(everything, version=Version(number), epoch=1) == naive.load(
            everything, version=Version(number), epoch=1
        )


def test_a_moment_that_has_passed_is_not_made_up() -> None:
    copy = Copy(Version(5))
    copy.apply(Group(Version(6), ()))
    with pytest.raises(ValueError, match="later version"):
        copy.load([], version=Version(5), epoch=0)


def test_a_group_is_applied_once() -> None:
    with pytest.raises(ValueError, match="not newer"):
        Copy(Version(5)).apply(Group(Version(5), ()))


def test_an_update_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Copy(Version(1)).apply_one(Update(DocumentKey("user", 1), {"name": "x"}))


DOCUMENTS: list[Document] = [
    {"_id": 1, "n": 2, "m": "b"},
    {"_id": 2, "n": 1},
    {"_id": 3, "n": 2, "m": "a"},
]


def test_a_filter_selects_as_mongodb_does() -> None:
    def ids(filter: dict[str, object], *sort: tuple[str, int]) -> list[int]:
        return [each["_id"] for each in selected(DOCUMENTS, filter, sort=sort)]

    assert ids({"n": 2}) == [1, 3]
    assert ids({"m": None}) == [2]
    assert ids({"_id": {"$in": [1, 2]}, "n": {"$ne": 1}}) == [1]
    assert ids({"n": {"$nin": [2]}}) == [2]
    assert ids({}, ("n", 1), ("m", -1)) == [2, 1, 3]
    with pytest.raises(NotImplementedError):
        ids({"n": {"$gt": 1}})
