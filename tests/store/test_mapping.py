"""An existing users collection with other names: what goes out, what comes in, and exactness."""

from __future__ import annotations

import json
import os
import random
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pymongo import AsyncMongoClient, errors

from sessionwire.app import SessionWire
from sessionwire.auth.onboarding import ensure, sweep
from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.errors import Duplicate, StartupError
from sessionwire.model import ObjectId, Viewer, parse_version
from sessionwire.policy.lifetime import LIFETIME
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Put, Update
from sessionwire.reactive.view import Answer, Context
from sessionwire.settings import load_settings
from sessionwire.store.decode import decode_event
from sessionwire.store.mapping import FieldNames, Naming, naming_of
from sessionwire.store.mongo import Store
from sessionwire.store.snapshot import evaluate_at
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo

MODEL = {"name": "fullName", "email": "mail", "image": "avatarUrl", "emailVerified": "confirmed"}
NAMES = FieldNames(MODEL)
SEED = int(os.environ.get("SESSIONWIRE_TEST_SEED", "0")) or random.randrange(1, 2**31)


@pytest.fixture
def mapped(settings: Settings) -> Settings:
    return settings.model_copy(update={"user_collection": "people", "user_model": MODEL})


@pytest.fixture
async def people(mongo: EmbeddedMongo, mapped: Settings) -> AsyncIterator[Any]:
    """Their collection, by a program that knows nothing of us."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.uri, tz_aware=True)
    async with client:
        yield client[mapped.database]["people"]
        await client.drop_database(mapped.database)


@pytest.fixture
async def renamed(
    mongo: EmbeddedMongo, mapped: Settings, people: Any, driver: Literal["pymongo", "motor"]
) -> AsyncIterator[Store]:
    """The store over it, on each of the drivers in turn."""
    naming = naming_of(mapped)
    async with Store.open(
        mongo.uri, database=mapped.database, driver=driver, naming=naming
    ) as store:
        await store.ensure_indexes()
        yield store


# Words


def test_paths_are_translated_by_their_first_part() -> None:
    assert NAMES.theirs("name") == "fullName"
    assert NAMES.theirs("name.first") == "fullName.first"
    assert NAMES.theirs("plan") == "plan"
    assert NAMES.ours("fullName.first") == "name.first"
    assert NAMES.ours("plan.name") == "plan.name"


def test_a_field_of_theirs_that_is_called_like_ours_does_not_come_in() -> None:
    assert NAMES.ours("name") is None
    assert NAMES.ours("email.0") is None
    assert NAMES.incoming({"_id": 1, "fullName": "A", "name": "B", "name.x": 1}) == {
        "_id": 1,
        "name": "A",
    }


def test_two_fields_may_change_places() -> None:
    names = FieldNames({"name": "email", "email": "name"})
    assert names.outgoing({"name": 1, "email": 2}) == {"email": 1, "name": 2}
    assert names.incoming({"email": 1, "name": 2}) == {"name": 1, "email": 2}


def test_a_filter_is_translated_at_every_depth() -> None:
    filter = {"_id": 1, "$or": [{"email": "a"}, {"$and": [{"name.x": {"$exists": True}}]}]}
    assert NAMES.filter(filter) == {
        "_id": 1,
        "$or": [{"mail": "a"}, {"$and": [{"fullName.x": {"$exists": True}}]}],
    }
    assert NAMES.filter({"$expr": {"$eq": ["$name", "$$ROOT.image"]}}) == {
        "$expr": {"$eq": ["$fullName", "$$ROOT.avatarUrl"]}
    }
    with pytest.raises(ValueError, match="where"):
        NAMES.filter({"$where": "this.name"})


def test_an_update_is_translated_operator_by_operator() -> None:
    update = {"$set": {"name": "$name"}, "$unset": {"image": ""}, "$rename": {"email": "name.old"}}
    assert NAMES.update(update) == {
        "$set": {"fullName": "$name"},
        "$unset": {"avatarUrl": ""},
        "$rename": {"mail": "fullName.old"},
    }
    with pytest.raises(ValueError, match="replacement"):
        NAMES.update({"name": "A"})


def test_a_pipeline_is_translated_with_its_expressions() -> None:
    pipeline: list[dict[str, Any]] = [
        {"$set": {"name": {"$ifNull": ["$image", {"$literal": "$name"}, "$$NOW"]}}},
        {"$unset": ["email", "plan"]},
        {"$unset": "image"},
    ]
    assert NAMES.update(pipeline) == [
        {"$set": {"fullName": {"$ifNull": ["$avatarUrl", {"$literal": "$name"}, "$$NOW"]}}},
        {"$unset": ["mail", "plan"]},
        {"$unset": ["avatarUrl"]},
    ]
    for stage in (
        {"$replaceWith": "$x"},
        {"$set": {"x": "$$ROOT"}},
        {"$set": {"x": {"$getField": "name"}}},
    ):
        with pytest.raises(ValueError, match="cannot be translated"):
            NAMES.update([stage])


def event(kind: str, collection: str, **more: Any) -> dict[str, Any]:
    return {
        "operationType": kind,
        "ns": {"db": "d", "coll": collection},
        "documentKey": {"_id": 1},
        **more,
    }


def test_events_are_read_in_our_words() -> None:
    naming = Naming(users="people", fields=MODEL)

    def decode(event: dict[str, Any]) -> Sequence[Change]:
        return naming.translated(decode_event(event))

    key = DocumentKey("user", 1)
    document = {"_id": 1, "fullName": "A", "name": "B"}
    assert list(decode(event("insert", "people", fullDocument=document))) == [
        Put(key, {"_id": 1, "name": "A"}, inserted=True)
    ]
    description = {
        "updatedFields": {"fullName": "C", "name": "D", "confirmed.x": 1},
        "removedFields": ["avatarUrl", "image"],
        "truncatedArrays": [{"field": "mail", "newSize": 1}, {"field": "email", "newSize": 2}],
    }
    assert list(decode(event("update", "people", updateDescription=description))) == [
        Update(key, {"name": "C", "emailVerified.x": 1}, ("image",), (("email", 1),))
    ]
    assert list(decode(event("delete", "people"))) == [Delete(key)]
    assert list(decode(event("drop", "people"))) == [Dropped("user")]
    assert list(decode(event("delete", "session"))) == [Delete(DocumentKey("session", 1))]


def test_a_collection_of_theirs_that_is_called_like_ours_is_not_ours() -> None:
    naming = Naming(users="people")
    theirs = decode_event(event("insert", "user", fullDocument={"_id": 1}))
    assert list(naming.translated(theirs)) == []
    ours = decode_event(event("insert", "people", fullDocument={"_id": 1, "name": "A"}))
    assert list(naming.translated(ours)) == [
        Put(DocumentKey("user", 1), {"_id": 1, "name": "A"}, inserted=True)
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"user_model": {"nmae": "x"}}, "nmae is not a field"),
        ({"user_model": {"_id": "uid"}}, "the id is always _id"),
        ({"user_model": {"id": "uid"}}, "the id is always _id"),
        ({"user_model": {"name": "_id"}}, "cannot be stored"),
        ({"user_model": {"name": "profile.name"}}, "without dots"),
        ({"user_model": {"name": "$name"}}, "not beginning with"),
        ({"user_model": {"name": ""}}, "cannot be stored"),
        ({"user_model": {"name": "email"}}, "name and email would both be stored as email"),
        ({"user_model": {"name": "x", "image": "x"}}, "both be stored as x"),
        ({"user_model": {"name": "plan"}, "user_fields": ("plan",)}, "both be stored as plan"),
        ({"user_collection": "session"}, "a collection of the server itself"),
        ({"user_collection": "system.users"}, "no name of a collection"),
        ({"user_collection": ""}, "no name of a collection"),
    ],
)
def test_a_mapping_that_is_not_one_to_one_refuses_to_start(
    settings: Settings, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(StartupError, match=says):
        SessionWire(settings.model_copy(update=given))


def test_the_mapping_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONWIRE_USER_COLLECTION", "people")
    monkeypatch.setenv("SESSIONWIRE_USER_MODEL", json.dumps(MODEL))
    naming = naming_of(load_settings(secret=secrets.token_urlsafe(48)))
    assert naming.place("user", "email") == ("people", "mail")
    assert naming.place("session", "email") == ("session", "email")


# The store


async def test_every_method_of_the_store_speaks_their_words(renamed: Store, people: Any) -> None:
    a, b = {"_id": "a", "name": "A", "email": "a@x"}, {"_id": "b", "name": "B", "email": "b@x"}
    async with renamed.writing() as writing:
        await writing.insert_one("user", a)
        await writing.insert_one("user", b)
        assert await people.find_one({"_id": "a"}) == {"_id": "a", "fullName": "A", "mail": "a@x"}
        assert await writing.update_one("user", {"email": "a@x"}, {"$set": {"name": "A2"}})
        assert await writing.update_many("user", {"name": "B"}, {"$set": {"image": "i"}}) == 1
        assert await writing.update_one("user", {"_id": "b"}, [{"$set": {"name": "$image"}}])
        found = await writing.find_one_and_update("user", {"name": "i"}, {"$unset": {"image": ""}})
        assert found == {"_id": "b", "name": "i", "email": "b@x"}
        assert [each["_id"] for each in await writing.find("user", {}, sort=[("name", -1)])] == [
            "b",
            "a",
        ]
        assert await writing.update_one(
            "user", {"email": "c@x"}, {"$set": {"name": "C"}}, upsert=True
        )
        assert (await people.find_one({"mail": "c@x"}))["fullName"] == "C"
        taken = await writing.find_one_and_delete("user", {"email": "c@x"})
        assert taken is not None and taken["name"] == "C"
        assert await writing.delete_many("user", {"name": "nobody"}) == 0
        assert await writing.delete_one("user", {"email": "b@x"})
    assert await renamed.find_one("user", {"email": "a@x"}, sort="name") == {**a, "name": "A2"}
    assert await renamed.find("user", {"name": "A2"}, sort=[("email", 1)]) == [{**a, "name": "A2"}]
    assert await renamed.count("user", {"name": "A2"}) == 1


async def test_a_transaction_speaks_their_words(renamed: Store, people: Any) -> None:
    async with renamed.writing() as writing:
        await writing.insert_one("user", {"_id": "a", "name": "A", "email": "a@x"})

        async def work() -> None:
            found = await writing.find_one("user", {"name": "A"})
            assert found is not None
            await writing.update_one("user", {"_id": "a"}, {"$set": {"image": found["email"]}})

        await writing.atomically("user", "a", work)
    stored = await people.find_one({"_id": "a"})
    assert stored["avatarUrl"] == "a@x" and stored["revision"] == 1


async def test_addresses_are_unique_in_their_field(renamed: Store, people: Any) -> None:
    indexes = await people.index_information()
    assert [each["key"] for each in indexes.values() if each.get("unique")] == [[("mail", 1)]]
    async with renamed.writing() as writing:
        await writing.insert_one("user", {"_id": "a", "email": "a@x"})
        with pytest.raises(Duplicate) as refused:
            await writing.insert_one("user", {"_id": "b", "email": "a@x"})
    assert refused.value.fields == ("email",)


async def test_duplicates_of_theirs_refuse_to_start(
    mongo: EmbeddedMongo, mapped: Settings, people: Any
) -> None:
    await people.insert_many([{"mail": "a@x"}, {"mail": "a@x"}])
    async with Store.open(mongo.uri, database=mapped.database, naming=naming_of(mapped)) as store:
        with pytest.raises(StartupError, match="people holds documents with the same mail"):
            await store.ensure_indexes()


async def test_onboarding_writes_their_names(renamed: Store, people: Any) -> None:
    await people.insert_one({"_id": "ada", "fullName": "Ada", "mail": "ada@x"})
    now = datetime.now(UTC)
    assert await ensure(renamed, "ada", now=now) > 0
    assert await sweep(renamed, now=now) == 0
    workspace = await renamed.find_one("organization", {})
    assert workspace is not None and workspace["name"] == "Ada's workspace"
    stored = await people.find_one({"_id": "ada"})
    assert stored["activeOrganizationId"] == str(workspace["_id"])


# The whole server


def me(ctx: Context) -> Any:
    """The viewer's whole document."""
    return ctx.user  # type: ignore[attr-defined]


@pytest.fixture
async def running(mapped: Settings, people: Any) -> AsyncIterator[Running]:
    wire = SessionWire(mapped)
    wire.query("me")(me)
    async with run_server(mapped, wire=wire) as server:
        yield server


async def test_sign_up_writes_their_names(running: Running, people: Any) -> None:
    http = await running.sign_up("Alice")
    stored = await people.find_one({"mail": "alice@example.com"})
    assert stored["fullName"] == "Alice" and stored["confirmed"] is False
    assert not {"name", "email", "emailVerified", "image"} & stored.keys()
    view = (await http.get("/api/auth/get-session")).json()
    assert view["user"]["name"] == "Alice" and view["user"]["email"] == "alice@example.com"
    changed = await http.post("/api/auth/update-user", json={"name": "Alicia", "image": "/a.png"})
    assert changed.status_code == 200
    stored = await people.find_one({"mail": "alice@example.com"})
    assert stored["fullName"] == "Alicia" and stored["avatarUrl"] == "/a.png"
    assert (await (await running.sign_in("Alice")).get("/api/auth/get-session")).json() is not None


async def test_a_change_by_their_program_arrives_live(running: Running, people: Any) -> None:
    http = await running.sign_up("Alice")
    live = await running.live(http)
    await live.subscribe(1, "user")
    await live.until_shown(1, lambda user: user["name"] == "Alice")
    update = {"$set": {"fullName": "Alicia", "name": "their own", "confirmed": True}}
    await people.update_one({"mail": "alice@example.com"}, update)
    shown = await live.until_shown(1, lambda user: user["name"] != "Alice")
    assert shown["name"] == "Alicia" and shown["emailVerified"] is True


async def signed_in(people: Any, mapped: Settings, id: str, **fields: Any) -> tuple[str, Viewer]:
    """A person of theirs, and a session of ours for them: its cookie, and the viewer."""
    await people.insert_one({"_id": id, "fullName": id.title(), "mail": f"{id}@x", **fields})
    token = secrets.token_hex(16)
    now = datetime.now(UTC)
    viewer = Viewer(credential_of(token, compat="none"))
    session = {"token": viewer.credential, "userId": id, "createdAt": now}
    await people.database["session"].insert_one(
        {"_id": ObjectId(), **session, "updatedAt": now, "expiresAt": now + LIFETIME}
    )
    cookie = cookies_of(mapped).session(token, remember=True)[0].partition(";")[0]
    return cookie, viewer


async def test_whom_their_program_inserts_is_set_up(
    running: Running, people: Any, mapped: Settings
) -> None:
    cookie, _ = await signed_in(people, mapped, "ada")
    live = await running.live(cookie=cookie)
    await live.subscribe(1, "session")
    shown = await live.until_shown(1, lambda view: view and view["organization"])
    assert shown["user"]["id"] == "ada" and shown["role"] == "owner"
    assert shown["organization"]["name"] == "Ada's workspace"


def random_write(dice: random.Random) -> dict[str, Any] | list[dict[str, Any]]:
    """What a program that knows nothing of us may do to a person."""
    n = dice.randrange(1_000)
    some: list[dict[str, Any] | list[dict[str, Any]]] = [
        {"$set": {"fullName": f"n{n}"}},
        {"$set": {"name": f"theirs{n}", "confirmed": bool(n % 2)}},
        {"$set": {"name": {"first": n}, "image": [n]}},
        {"$set": {"name.first": n}},
        {"$unset": {"name": ""}},
        {"$unset": {"avatarUrl": "", "fullName": ""}},
        {"$rename": {"fullName": "name"}},
        {"$rename": {"name": "fullName"}},
        {"$rename": {"avatarUrl": "image"}},
        {"$rename": {"image": "avatarUrl"}},
        {"$set": {"avatarUrl": {"sizes": [n, n, n, n], "deep": {"x": n}}}},
        {"$push": {"avatarUrl.sizes": n}},
        {"$push": {"image": n}},
        {"$set": {"avatarUrl.deep.x": n, "plan.name": n}},
        {"$set": {"email": f"theirs{n}"}},
        {"$inc": {"plan.n": 1}},
        [{"$set": {"avatarUrl": {"sizes": {"$slice": ["$avatarUrl.sizes", 2]}}}}],
        [{"$set": {"fullName": {"$concat": ["a", {"$toString": "$_id"}]}, "name": "$fullName"}}],
        [{"$replaceWith": {"_id": "$_id", "mail": "$mail", "fullName": "r", "name": "s",
                           "onboardedAt": "$onboardedAt"}}],
        [{"$replaceWith": {"$setField": {"field": "name.x", "input": "$$ROOT", "value": n}}}],
        [{"$replaceWith": {"$unsetField": {"field": "name.x", "input": "$$ROOT"}}}],
    ]  # fmt: skip
    return dice.choice(some)


async def test_every_frame_equals_the_database_whatever_they_write(
    running: Running, people: Any, mapped: Settings
) -> None:
    dice = random.Random(SEED)
    cookie, viewer = await signed_in(people, mapped, "ada", onboardedAt=datetime.now(UTC))
    live = await running.live(cookie=cookie)
    await live.subscribe(1, "me")
    await live.until_shown(1, lambda _: True)
    checked = done = 0
    named = running.wire.relay.hub.queries.named("me")
    async with Store.open(
        mapped.mongodb_uri.get_secret_value(),  # type: ignore[union-attr]
        database=mapped.database,
        naming=naming_of(mapped),
    ) as store:
        while done < 300:
            for _ in range(dice.randrange(1, 4)):
                try:
                    await people.update_one({"_id": "ada"}, random_write(dice))
                except errors.OperationFailure:
                    continue
                done += 1
            await people.update_one({"_id": "ada"}, {"$set": {"mark": done}})
            while live.shows[1].get("mark") != done:
                await live.receive()
                truth = await evaluate_at(
                    store, named, viewer, {}, version=parse_version(live.version)
                )
                assert isinstance(truth, Answer)
                assert live.shows[1] == json.loads(truth.encoded), f"seed {SEED}"
                checked += 1
            stored = await people.find_one({"_id": "ada"})
            assert live.shows[1].get("name") == stored.get("fullName"), f"seed {SEED}"
            assert live.shows[1].get("image") == stored.get("avatarUrl"), f"seed {SEED}"
    assert checked >= 50
