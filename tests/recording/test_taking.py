"""Recording a real MongoDB: nested updates, foreign documents, breaks and lost history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient

from recording.test_replaying import taking
from sessionwire.errors import StartupError
from sessionwire.reactive.change import Delete, Dropped, Group, Put, Update
from sessionwire.recording import taking as room
from sessionwire.recording.copy import Copy
from sessionwire.recording.pseudonyms import Pseudonyms
from support.following import failing
from support.people import add_person
from support.relaying import until

if TYPE_CHECKING:
    from sessionwire.recording.tape import Recording
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store


def replayed(recording: Recording) -> Copy:
    """What there is at the end."""
    copy = Copy(recording.version)
    for collection, document in recording.documents:
        copy.put(collection, document)
    for group in recording.groups:
        copy.apply(group)
    return copy


def last(recording: Recording) -> Group:
    return recording.groups[-1]


async def test_an_update_deep_inside_a_field_is_written_as_the_whole_field(
    store: Store, settings: Settings
) -> None:
    settings = settings.model_copy(update={"user_fields": ("preferences",)})
    alice = await add_person(store, settings, "Alice", preferences={"list": [1, 2, 3], "size": 1})
    async with taking(store, settings) as taken, store.writing() as writing:
        change: dict[str, Any] = {
            "preferences.size": 2,
            "preferences.theme": "dark",
            "password": "x",
        }
        await writing.update_one("user", {"_id": alice.id}, {"$set": change})
        await writing.update_one(
            "user", {"_id": alice.id}, {"$push": {"preferences.list": {"$each": [], "$slice": 1}}}
        )
        await taken.until(writing.version)
    (first, second) = taken.recording.groups[-2:]
    whole = {"list": [1, 2, 3], "size": 2, "theme": "text 1"}
    assert [each.updated for each in first.changes if isinstance(each, Update)] == [
        {"preferences": whole}
    ]
    assert [each.updated for each in second.changes if isinstance(each, Update)] == [
        {"preferences": {**whole, "list": [1]}}
    ]


async def test_an_update_that_cannot_be_applied_is_read_from_the_database(
    store: Store, settings: Settings
) -> None:
    """A field name with a dot makes paths ambiguous: the replica has to load it anew, too."""
    settings = settings.model_copy(update={"user_fields": ("preferences",)})
    alice = await add_person(store, settings, "Alice", preferences={"a.b": 1, "c": 1})
    async with taking(store, settings) as taken, store.writing() as writing:
        await writing.update_one("user", {"_id": alice.id}, {"$set": {"preferences.c": 2}})
        await taken.until(writing.version)
    (change,) = last(taken.recording).changes
    assert isinstance(change, Put) and not change.inserted
    assert change.document["preferences"] == {"a.b": 1, "c": 2}
    assert replayed(taken.recording).get("user", alice.id) == change.document


async def test_a_collection_that_is_dropped_is_gone_in_the_replay(
    store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken, store.writing() as writing:
        await store.client[settings.database].drop_collection("session")
        await writing.delete_one("user", {"_id": alice.id})
        await taken.until(writing.version)
    changes = [each for group in taken.recording.groups for each in group.changes]
    assert Dropped("session") in changes
    assert any(isinstance(each, Delete) for each in changes)
    copy = replayed(taken.recording)
    assert list(copy.documents("session")) == list(copy.documents("user")) == []


async def test_where_history_was_lost_everything_is_written_anew(
    store: Store, settings: Settings, mongo: EmbeddedMongo
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with (
        AsyncMongoClient[dict[str, Any]](mongo.uri, appname="test-admin") as client,
        taking(store, settings) as taken,
        store.writing() as writing,
    ):
        async with failing(client.admin, "getMore", times=1, errorCode=286):
            await writing.update_one("user", {"_id": alice.id}, {"$set": {"name": "Alicia"}})
            await until(lambda: any(Dropped(None) in g.changes for g in taken.recording.groups))
    anew = next(each for each in taken.recording.groups if Dropped(None) in each.changes)
    assert any(isinstance(each, Put) and each.key.id == alice.id for each in anew.changes)
    user = replayed(taken.recording).get("user", alice.id)
    assert user is not None and user["name"] == "Person 2", "the newer name, seen or read"


async def test_a_database_that_is_too_large_is_refused(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Alice", "Bob"):
        await add_person(store, settings, name)
    monkeypatch.setattr(room, "_MOST", 1)
    written: list[bytes] = []
    recorder = room.Recorder(store, settings, written.append, pseudonyms=Pseudonyms())
    with pytest.raises(StartupError, match="more than 1 documents"):
        await recorder.run()
    assert written == []
