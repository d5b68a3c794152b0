"""The store's contract, on both drivers and a real mongod."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any, Literal

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from sessionwire.errors import Duplicate, StartupError, Unavailable
from sessionwire.store.binary import find_mongod
from sessionwire.store.mongo import Store, Writing
from sessionwire.store.mongod import accepts, free_port
from support.following import following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo

pytestmark = [
    pytest.mark.usefixtures("outage"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Driver = Literal["pymongo", "motor"]


@contextlib.asynccontextmanager
async def standalone(directory: Path) -> AsyncIterator[str]:
    """The URI of a mongod that is in no replica set."""
    port = free_port()
    command = [str(find_mongod(None, os.environ)), "--dbpath", str(directory)]
    command += ["--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        try:
            async with asyncio.timeout(20):
                while not accepts(port):  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(0.02)
            yield f"mongodb://127.0.0.1:{port}/"
        finally:
            process.kill()


async def refusal(uri: str, driver: Driver) -> StartupError:
    """Why the store does not open, in bounded time."""
    began = time.monotonic()
    with pytest.raises(StartupError) as caught:
        async with Store.open(uri, database="app", driver=driver):
            pass
    assert time.monotonic() - began < 6
    return caught.value


# Opening


async def test_a_standalone_mongod_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with standalone(tmp_path) as uri:
        for driver in ("pymongo", "motor"):
            error = await refusal(uri, driver)
            assert "standalone" in error.message
            assert "--replSet" in error.remedy


async def test_what_does_not_answer_is_refused_within_seconds(mongo: EmbeddedMongo) -> None:
    uris = [f"mongodb://127.0.0.1:{free_port()}/", mongo.uri.replace("Set=", "Set=other")]
    attempts = [refusal(uri, driver) for uri in uris for driver in ("pymongo", "motor")]
    for error in await asyncio.gather(*attempts):
        assert "cannot be reached" in error.message
        assert "SESSIONWIRE_MONGODB_URI" in error.remedy


async def test_wrong_credentials_are_refused_and_not_repeated(
    mongo: EmbeddedMongo, driver: Driver
) -> None:
    error = await refusal(mongo.uri.replace("//", "//alice:letmein@"), driver)
    assert "refused" in error.message
    assert "password" in error.remedy
    assert "letmein" not in str(error)


@pytest.mark.parametrize("uri", ["http://127.0.0.1/", "mongodb://", "mongodb://a:b:c@h/?w=x"])
async def test_a_uri_that_is_none_is_refused(uri: str, driver: Driver) -> None:
    error = await refusal(uri, driver)
    assert "SESSIONWIRE_MONGODB_URI" in error.message


async def test_the_applications_own_async_client_is_used_and_left_open(settings: Settings) -> None:
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    async with client:
        await _lend(client, settings.database)
        assert (await client.admin.command("ping"))["ok"] == 1


async def test_the_applications_own_motor_client_is_used_and_left_open(settings: Settings) -> None:
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(uri)
    try:
        await _lend(client, settings.database)
        assert (await client.admin.command("ping"))["ok"] == 1
    finally:
        client.close()


async def _lend(client: Any, database: str) -> None:
    async with Store.open(client=client, database=database) as store:
        async with following(store, "user") as follower, store.writing() as writing:
            await writing.insert_one("user", {"_id": 1})
            await follower.until_reached(writing.version)
        assert await store.find_one("user", {}) == {"_id": 1}
    await client.drop_database(database)


# Reading and writing


WRITES: dict[str, Callable[[Writing], Awaitable[Any]]] = {
    "insert_one": lambda w: w.insert_one("c", {"_id": "new"}),
    "update_one": lambda w: w.update_one("c", {"_id": 1}, {"$set": {"n": 9}}),
    "update_one, pipeline": lambda w: w.update_one("c", {"_id": 1}, [{"$set": {"n": 9}}]),
    "update_one, upsert": lambda w: w.update_one("c", {"_id": 7}, {"$set": {"n": 1}}, upsert=True),
    "update_many": lambda w: w.update_many("c", {}, {"$inc": {"n": 1}}),
    "find_one_and_update": lambda w: w.find_one_and_update("c", {"_id": 2}, {"$inc": {"n": 1}}),
    "delete_one": lambda w: w.delete_one("c", {"_id": 2}),
    "delete_many": lambda w: w.delete_many("c", {"n": {"$gt": 0}}),
    "atomically": lambda w: w.atomically("c", 1, lambda: w.insert_one("c", {"_id": "in it"})),
}


@pytest.mark.parametrize("kind", WRITES)
async def test_the_version_of_a_write_is_that_of_its_last_event(either: Store, kind: str) -> None:
    async with either.writing() as writing:
        assert writing.version == 0
        for id in (1, 2, 3):
            await writing.insert_one("c", {"_id": id, "n": id})
    async with (
        following(either, "c") as follower,
        asyncio.TaskGroup() as group,
        either.writing() as writing,
    ):
        others = group.create_task(_write_elsewhere(either))
        await WRITES[kind](writing)
        version = writing.version
        await follower.until_reached(version)
        others.cancel()
    assert max(follower.seen) == version
    assert follower.seen[version].changes


async def _write_elsewhere(store: Store) -> None:
    """Move the cluster time on, as other clients do."""
    async with store.writing() as writing:
        for id in range(100_000):
            await writing.insert_one("elsewhere", {"_id": id})


async def test_a_taken_unique_value_names_its_field(either: Store) -> None:
    await either.ensure_indexes()
    async with either.writing() as writing:
        await writing.insert_one("user", {"_id": 1, "email": "a@example.com"})
        with pytest.raises(Duplicate) as caught:
            await writing.insert_one("user", {"_id": 2, "email": "a@example.com"})
        assert caught.value.fields == ("email",)
        await writing.insert_one("user", {"_id": 2, "email": "b@example.com"})
        with pytest.raises(Duplicate) as caught:
            await writing.update_one("user", {"_id": 2}, {"$set": {"email": "a@example.com"}})
        assert caught.value.fields == ("email",)
        with pytest.raises(Duplicate) as caught:
            await writing.insert_one("user", {"_id": 2})
        assert caught.value.fields == ("_id",)


async def test_documents_are_found_sorted_and_counted(either: Store) -> None:
    async with either.writing() as writing:
        for id in (3, 1, 2):
            await writing.insert_one("c", {"_id": id, "even": id % 2 == 0})
        assert await writing.find("c", {"even": False}, sort=[("_id", -1)]) == [
            {"_id": 3, "even": False},
            {"_id": 1, "even": False},
        ]
        assert await writing.find_one("c", {"_id": 9}) is None
    assert await either.find_one("c", {}, sort="_id") == {"_id": 1, "even": False}
    assert [d["_id"] for d in await either.find("c", {}, sort=[("_id", 1)], skip=1, limit=1)] == [2]
    assert await either.count("c", {"even": False}) == 2


async def test_what_was_not_done_is_said(either: Store) -> None:
    async with either.writing() as writing:
        assert not await writing.update_one("c", {"_id": 1}, {"$set": {"n": 1}})
        assert not await writing.delete_one("c", {"_id": 1})
        assert await writing.update_many("c", {}, {"$set": {"n": 1}}) == 0
        assert await writing.delete_many("c", {}) == 0
        assert await writing.find_one_and_update("c", {"_id": 1}, {"$set": {"n": 1}}) is None
        assert await writing.update_one("c", {"_id": 1}, {"$set": {"n": 1}}, upsert=True)
        assert await writing.find_one_and_update("c", {"_id": 1}, {"$inc": {"n": 1}}) == {
            "_id": 1,
            "n": 2,
        }


async def test_the_newest_version_is_at_least_that_of_a_write(either: Store) -> None:
    async with either.writing() as writing:
        await writing.insert_one("c", {"_id": 1})
        assert await either.ping() >= writing.version


# Transactions


async def test_transactions_that_lock_one_document_come_one_after_the_other(
    either: Store,
) -> None:
    """Within a process they wait for each other; between two MongoDB has them run again."""
    another = Store(either.client, either.stream_client, either.name)

    async def add(store: Store) -> None:
        async with store.writing() as writing:

            async def work() -> None:
                found = await writing.find_one("c", {"_id": "count"})
                number = 0 if found is None else found["n"]
                await writing.update_one(
                    "c", {"_id": "count"}, {"$set": {"n": number + 1}}, upsert=True
                )

            await writing.atomically("lock", 1, work)

    await either._collection("lock").insert_one({"_id": 1})
    await either._collection("c").insert_one({"_id": "other"})
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(add(either))
            group.create_task(add(another))
    assert await either.find_one("c", {"_id": "count"}) == {"_id": "count", "n": 10}


async def test_of_fifty_transactions_on_one_document_mongodb_undoes_none(either: Store) -> None:
    async def undone() -> int:
        status = await either.client.admin.command("serverStatus")
        return int(status["transactions"]["totalAborted"])

    async def add() -> None:
        async with either.writing() as writing:
            await writing.atomically(
                "lock", 1, lambda: writing.update_one("c", {"_id": 1}, {"$inc": {"n": 1}})
            )

    await either._collection("lock").insert_one({"_id": 1})
    await either._collection("c").insert_one({"_id": 1, "n": 0})
    before = await undone()
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(add())
    assert await either.find_one("c", {"_id": 1}) == {"_id": 1, "n": 50}
    assert await undone() == before


async def test_what_the_work_raises_undoes_its_writes(either: Store) -> None:
    await either._collection("c").insert_one({"_id": 1})

    async with either.writing() as writing:

        async def work() -> None:
            await writing.insert_one("c", {"_id": 2})
            raise LookupError

        with pytest.raises(LookupError):
            await writing.atomically("c", 1, work)
    assert await either.find("c", {}) == [{"_id": 1}]


async def test_a_duplicate_in_a_transaction_is_a_duplicate(either: Store) -> None:
    await either._collection("c").insert_one({"_id": 1})
    async with either.writing() as writing:
        with pytest.raises(Duplicate):
            await writing.atomically("c", 1, lambda: writing.insert_one("c", {"_id": 1}))


# Indexes


async def test_indexes_are_made_once(either: Store) -> None:
    await either.ensure_indexes()
    await either.ensure_indexes()
    assert "user_email_uidx" in await either._collection("user").index_information()


async def test_duplicates_of_another_program_are_refused_with_what_to_do(either: Store) -> None:
    await either._collection("user").insert_many([{"email": "a"}, {"email": "a"}])
    with pytest.raises(StartupError) as caught:
        await either.ensure_indexes()
    assert "same email" in caught.value.message
    assert "user.email" in caught.value.remedy


async def test_another_programs_index_is_kept(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    user = store._collection("user")
    await user.drop_indexes()
    await user.create_index("email", name="theirs", unique=True)
    await store.ensure_indexes()
    assert "user.email" in caplog.text
    assert "user_email_uidx" not in await user.index_information()


@pytest.mark.parametrize("weak", [{"sparse": True}, {"partialFilterExpression": {"a": 1}}])
async def test_another_programs_index_that_lets_duplicates_through_is_refused(
    store: Store, weak: dict[str, Any]
) -> None:
    user = store._collection("user")
    await user.drop_indexes()
    await user.create_index("email", name="user_email_uidx", **weak)
    with pytest.raises(StartupError) as caught:
        await store.ensure_indexes()
    assert "unique" in caught.value.message
    assert "user_email_uidx" in caught.value.remedy


# Outages


async def test_a_database_that_fails_is_unavailable(either: Store, admin: Any) -> None:
    failing = {"failCommands": ["find", "insert"], "errorCode": 8000, "appName": "sessionwire"}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failing})
    try:
        with pytest.raises(Unavailable):
            await either.find_one("c", {})
        async with either.writing() as writing:
            with pytest.raises(Unavailable):
                await writing.insert_one("c", {"_id": 1})
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def test_one_closed_connection_is_no_outage(either: Store, admin: Any) -> None:
    failing = {"failCommands": ["find", "insert"], "closeConnection": True}
    once = {"configureFailPoint": "failCommand", "mode": {"times": 1}}
    await admin.command({**once, "data": {**failing, "appName": "sessionwire"}})
    async with either.writing() as writing:
        await writing.insert_one("c", {"_id": 1})
    assert await either.find("c", {}) == [{"_id": 1}]
