"""Loads as of a version, against a real mongod."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from bson import Binary, Code, Int64, ObjectId

from sessionwire.errors import Unavailable
from sessionwire.model import Version
from sessionwire.reactive.change import DocumentKey, Key, SetKey, comparable
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.load import Loader
from sessionwire.store.mongo import Store
from support.following import stopped

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

WINDOW = 300
"""Seconds that MongoDB can read back (minSnapshotHistoryWindowInSeconds)."""


def document(id: Any) -> DocumentKey:
    return DocumentKey("c", id)


def where(field: str, value: object) -> SetKey:
    key: Hashable = comparable(value)
    return SetKey("c", field, key)


async def insert(store: Store, *documents: dict[str, Any]) -> Version:
    """The version at which they are there."""
    async with store.writing() as writing:
        for each in documents:
            await writing.insert_one("c", each)
        return writing.version


async def test_what_is_read_is_as_of_the_version_although_it_changed_since(either: Store) -> None:
    before = await insert(either, {"_id": 1, "n": 1, "f": "x"}, {"_id": 2, "f": "x"})
    async with either.writing() as writing:
        await writing.update_one("c", {"_id": 1}, {"$set": {"n": 2, "f": "y"}})
        middle = writing.version
        await writing.delete_one("c", {"_id": 2})
        await writing.insert_one("c", {"_id": 3, "f": "x"})
        after = writing.version
    keys: list[Key] = [document(1), document(2), document(3), where("f", "x")]
    loader = Loader(either)

    first = await loader.load(keys, version=before, epoch=7)
    assert (first.version, first.epoch) == (before, 7)
    assert first.documents == {
        document(1): {"_id": 1, "n": 1, "f": "x"},
        document(2): {"_id": 2, "f": "x"},
        document(3): None,
    }
    assert first.sets == {where("f", "x"): {1, 2}}

    second = await loader.load(keys, version=middle)
    assert second.documents[document(1)] == {"_id": 1, "n": 2, "f": "y"}
    assert second.sets == {where("f", "x"): {2}}

    third = await loader.load(keys, version=after)
    assert third.documents[document(2)] is None
    assert third.sets == {where("f", "x"): {3}}


async def test_a_set_brings_its_documents_along(either: Store) -> None:
    version = await insert(either, {"_id": 1, "f": 5}, {"_id": 2, "f": 6})
    load = await Loader(either).load([where("f", 5), where("f", 7)], version=version)
    assert load.documents == {document(1): {"_id": 1, "f": 5}}
    assert load.sets == {where("f", 5): {1}, where("f", 7): frozenset()}


async def test_an_array_that_contains_the_value_is_in_no_set(store: Store) -> None:
    version = await insert(store, {"_id": 1, "f": ["x"]}, {"_id": 2, "f": "x"}, {"_id": 3})
    load = await Loader(store).load([where("f", "x")], version=version)
    assert load.sets == {where("f", "x"): {2}}
    assert load.documents == {document(2): {"_id": 2, "f": "x"}}


@pytest.mark.parametrize(
    ("value", "stored", "others"),
    [
        (5, [5, 5.0, Int64(5)], [True, "5", [5], 5.5]),
        (True, [True], [1, "true"]),
        (2**40, [2**40, float(2**40)], [2**41]),
        (1e300, [1e300], [1e301]),
        (UUID(int=7), [UUID(int=7)], [str(UUID(int=7))]),
        ("x", ["x"], [Code("x"), "X", None]),
    ],
)
async def test_a_set_has_what_mongodb_holds_for_equal(
    store: Store, value: object, stored: list[Any], others: list[Any]
) -> None:
    collection = store._collection("c")
    for number, each in enumerate([*stored, *others]):
        await collection.insert_one({"_id": number, "f": each})
    load = await Loader(store).load([where("f", value)], version=await store.ping())
    assert load.sets == {where("f", value): set(range(len(stored)))}


async def test_a_document_is_found_whatever_kind_its_id_is(store: Store) -> None:
    ids = [ObjectId(), "a.b", "", 2**40, Int64(7), 8.0, UUID(int=3)]
    version = await insert(store, *({"_id": id} for id in ids))
    load = await Loader(store).load([document(id) for id in ids], version=version)
    assert [id for id in ids if load.documents[document(id)] is None] == []
    assert len(load.documents) == len(ids)


@pytest.mark.parametrize("value", [2**70, 10**400, "\ud800", -(2**63) - 1])
async def test_what_bson_cannot_hold_is_nowhere(store: Store, value: Any) -> None:
    version = await insert(store, {"_id": 1, "f": "x"})
    keys: list[Key] = [document(value), document(1), where("f", value), where("f", "x")]
    load = await Loader(store).load(keys, version=version)
    assert load.documents == {document(value): None, document(1): {"_id": 1, "f": "x"}}
    assert load.sets == {where("f", value): frozenset(), where("f", "x"): {1}}


async def test_a_crowd_of_keys_costs_few_reads(store: Store) -> None:
    await store._collection("c").insert_many([{"_id": i, "f": i % 700} for i in range(1_400)])
    keys: list[Key] = [document(i) for i in range(1_300)]
    keys += [where("f", i) for i in range(700)]
    loader = Loader(store)
    load = await loader.load(keys, version=await store.ping())
    assert loader.reads == 5
    assert all(load.documents[document(i)] == {"_id": i, "f": i % 700} for i in range(1_400))
    assert all(load.sets[where("f", i)] == {i, i + 700} for i in range(700))


async def test_nothing_to_load_costs_nothing(store: Store) -> None:
    loader = Loader(store)
    load = await loader.load([], version=Version(1))
    assert (loader.reads, load.documents, load.sets) == (0, {}, {})


async def test_a_result_larger_than_a_message_is_read_whole(either: Store) -> None:
    for id in range(5):
        await insert(either, {"_id": id, "f": "x", "large": "x" * 4_000_000})
    load = await Loader(either).load([where("f", "x")], version=await either.ping())
    assert load.sets == {where("f", "x"): {0, 1, 2, 3, 4}}
    assert sum(len(each["large"]) for each in load.documents.values() if each) == 20_000_000


async def test_a_version_that_mongodb_has_forgotten_is_unavailable(either: Store) -> None:
    version = await insert(either, {"_id": 1})
    old = Version(version - ((2 * WINDOW) << 32))
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await Loader(either).load([document(1), where("f", 1)], version=old)
    assert time.monotonic() - began < 6


async def test_a_version_from_the_future_is_unavailable(store: Store) -> None:
    version = await insert(store, {"_id": 1})
    with pytest.raises(Unavailable):
        await Loader(store).load([document(1)], version=Version(version + (9_000 << 32)))


async def test_a_document_that_cannot_be_decoded_takes_no_other_with_it(store: Store) -> None:
    await insert(store, {"_id": 7, "uuid": Binary(b"too short", 4)})
    version = await insert(store, *({"_id": id} for id in range(7)))
    loader = Loader(store)
    load = await loader.load([document(id) for id in range(8)], version=version)
    assert load.documents == {document(id): {"_id": id} for id in range(7)}
    with pytest.raises(Unavailable):
        await loader.load([document(7)], version=version)


async def test_a_collection_that_cannot_be_read_takes_no_other_with_it(store: Store) -> None:
    version = await insert(store, {"_id": 1})
    refused = DocumentKey("", 1)
    load = await Loader(store).load([document(1), refused], version=version)
    assert load.documents == {document(1): {"_id": 1}}
    with pytest.raises(Unavailable):
        await Loader(store).load([refused], version=version)


@pytest.mark.usefixtures("outage")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_database_that_hangs_is_unavailable_in_bounded_time(tmp_path: Path) -> None:
    async with (
        EmbeddedMongo(tmp_path) as mongo,
        Store.open(mongo.uri, database="app") as one,
        Store.open(mongo.uri, database="app", driver="motor") as other,
    ):
        version = await insert(one, {"_id": 1})
        loaders = [Loader(one), Loader(other)]
        began = time.monotonic()
        with stopped(mongo.pid):
            loads = [loader.load([document(1)], version=version) for loader in loaders]
            outcomes = await asyncio.gather(*loads, return_exceptions=True)
        assert time.monotonic() - began < 12
        assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
        for loader in loaders:
            load = await loader.load([document(1)], version=version)
            assert load.documents == {document(1): {"_id": 1}}
