"""Update events applied to held documents: by hand, and against what MongoDB itself holds then."""

from __future__ import annotations

import logging
import os
import random
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from bson import CodecOptions
from pymongo.errors import OperationFailure

from sessionwire.reactive.change import Delete, DocumentKey, Put, Update
from sessionwire.reactive.delta import apply_update
from sessionwire.store.load import Loader
from support.following import following
from support.updates import exact, random_document, random_update

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

logger = logging.getLogger(__name__)

KEY = DocumentKey("c", 1)
SEED = os.environ.get("SESSIONWIRE_TEST_SEED") or secrets.token_hex(4)
UPDATES = 1_600
DOCUMENTS = 16
CHECKED_AT_ONCE = 4


def update(*removed: str, cut: tuple[tuple[str, int], ...] = (), **updated: Any) -> Update:
    return Update(KEY, {path.replace("__", "."): v for path, v in updated.items()}, removed, cut)


def test_a_set_field_is_replaced_and_its_siblings_are_shared() -> None:
    before = {"_id": 1, "a": {"b": {"c": 1}, "d": [1]}, "e": {"f": 2}}
    after = apply_update(before, update(a__b__c=5))
    assert after == {"_id": 1, "a": {"b": {"c": 5}, "d": [1]}, "e": {"f": 2}}
    assert after["e"] is before["e"]
    assert before["a"] == {"b": {"c": 1}, "d": [1]}


def test_a_field_that_was_not_there_is_added() -> None:
    assert apply_update({"_id": 1}, update(name="A")) == {"_id": 1, "name": "A"}


def test_a_removed_field_is_gone() -> None:
    assert apply_update({"a": 1, "b": {"c": 1}}, update("a", "b.c")) == {"b": {}}


def test_a_list_grows_at_its_end() -> None:
    before = {"list": [1, 2]}
    assert apply_update(before, update(list__2=3, list__3=4)) == {"list": [1, 2, 3, 4]}
    assert before == {"list": [1, 2]}


def test_a_list_is_cut_before_it_grows() -> None:
    after = apply_update({"list": [1, 2, 3]}, update(cut=(("list", 1),), list__1=9))
    assert after == {"list": [1, 9]}


def test_a_number_names_a_field_of_an_object_and_a_place_in_a_list() -> None:
    before = {"object": {"0": "a"}, "list": ["a"]}
    after = apply_update(before, update(object__0="b", list__0="b"))
    assert after == {"object": {"0": "b"}, "list": ["b"]}


@pytest.mark.parametrize(
    ("document", "change"),
    [
        ({}, update(a__b=1)),
        ({"a": 1}, update(a__b=1)),
        ({"a": None}, update(a__b=1)),
        ({"a": [1]}, update(a__2=1)),
        ({"a": [1]}, update(a__b=1)),
        ({"a": [1]}, Update(KEY, {"a.²": 1})),
        ({"a": [{}]}, update(a__1__b=1)),
        ({}, update("a")),
        ({"a": [1]}, update("a.0")),
        ({"a": [1]}, update(cut=(("a", 2),))),
        ({"a": 1}, update(cut=(("a", 0),))),
        ({}, update(cut=(("a", 0),))),
        ({"a.b": 1}, update("c", c=1)),
        ({"a": {"b.c": 1}}, update(a__d=1)),
    ],
)
def test_a_path_that_does_not_fit_is_doubted(document: Document, change: Update) -> None:
    assert apply_update(document, change) is None


def test_a_dotted_name_beside_the_path_is_no_reason_for_doubt() -> None:
    before = {"a": {"b": 1}, "c": {"d.e": 1}}
    assert apply_update(before, update(a__b=2)) == {"a": {"b": 2}, "c": {"d.e": 1}}
    assert apply_update({"a.b": 1}, update(c=1)) == {"a.b": 1, "c": 1}, "no path, but a name"


async def test_every_kind_of_update_gives_what_mongodb_holds(store: Store) -> None:
    """Random updates; SESSIONWIRE_TEST_SEED repeats a run."""
    generator = random.Random(SEED)
    logger.info("SESSIONWIRE_TEST_SEED=%s", SEED)
    collection = store.client[store.raw.name].get_collection("c", CodecOptions(tz_aware=True))
    done = 0
    async with following(store, "c") as follower:
        await collection.insert_many([random_document(generator, id) for id in range(DOCUMENTS)])
        while done < UPDATES:
            id = generator.randrange(DOCUMENTS)
            try:
                done += await random_update(generator, collection, id)
            except OperationFailure as error:  # it does not fit what is there: nothing was written
                assert error.code not in (None, 9), (SEED, error)
        await follower.until_reached(await store.ping())
        groups = follower.groups
    reloads = await _replay(store, groups)
    logger.info("%d updates, %d reloads", done, reloads)
    assert reloads < done / 20, f"SESSIONWIRE_TEST_SEED={SEED}"


async def _replay(store: Store, groups: list[Any]) -> int:
    """Hold the documents as a replica does, checking each against MongoDB; the reloads."""
    loader, held, reloads = Loader(store), dict[DocumentKey, Any](), 0
    for group in groups:
        changed = {change.key for change in group.changes}
        load = await loader.load(changed, version=group.version)
        for change in group.changes:
            match change:
                case Put():
                    held[change.key] = change.document
                case Delete():
                    held[change.key] = None
                case Update():
                    held[change.key] = apply_update(held[change.key], change)
                    if held[change.key] is None:
                        reloads += 1
                        held[change.key] = load.documents[change.key]
        for key in changed:
            where = f"SESSIONWIRE_TEST_SEED={SEED}: {group}"
            assert exact(held[key]) == exact(load.documents[key]), where
    return reloads
