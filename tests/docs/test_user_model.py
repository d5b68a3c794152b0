"""The example of docs/user-model.md, run as it stands there, beside a program of its own."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient

from docs.examples import ROOT, example
from sessionwire import SessionWire
from sessionwire.store.mapping import USER_FIELDS
from support.server import PASSWORD, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from sessionwire.auth.mail import Letter
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from support.server import Running

PAGE = "docs/user-model.md"
CANARY = "canary"


@pytest.fixture
async def database(mongo: EmbeddedMongo, settings: Settings) -> AsyncIterator[Any]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.uri, tz_aware=True)
    async with client:
        yield client[settings.database]
        await client.drop_database(settings.database)


def test_the_page_names_every_field() -> None:
    page = (ROOT / PAGE).read_text()
    assert [name for name in USER_FIELDS if f"`{name}`" not in page] == []


async def test_people_of_another_program_get_a_password_and_are_shown_their_fields(
    settings: Settings, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.mongodb_uri is not None and settings.secret is not None
    monkeypatch.setenv("SESSIONWIRE_MONGODB_URI", settings.mongodb_uri.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_SECRET", settings.secret.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_DATABASE", settings.database)
    names: dict[str, Any] = {}
    exec(compile(example(PAGE), PAGE, "exec"), names)
    letters: asyncio.Queue[Letter] = asyncio.Queue()
    wire = SessionWire(names["wire"].settings, send_mail=letters.put)
    await database["people"].insert_one(
        {"_id": "ada", "fullName": "Ada", "mail": "ada@example.com", "plan": "pro"}
    )
    async with run_server(wire.settings, wire=wire) as server, server.http() as http:
        asked = {"email": "ada@example.com", "redirectTo": "/"}
        assert (await http.post("/api/auth/request-password-reset", json=asked)).status_code == 200
        letter = await asyncio.wait_for(letters.get(), 10)
        assert letter.to == "ada@example.com" and letter.url is not None
        token = letter.url.partition("?")[0].rpartition("/")[2]
        new = {"token": token, "newPassword": PASSWORD}
        assert (await http.post("/api/auth/reset-password", json=new)).status_code == 200
        entered = await http.post(
            "/api/auth/sign-in/email", json={"email": "ada@example.com", "password": PASSWORD}
        )
        assert entered.json()["user"]["plan"] == "pro"
        live = await server.live(http)
        await live.subscribe(1, "user")
        shown = await live.until_shown(1, lambda user: user["onboarded"])
        assert (shown["id"], shown["name"]) == ("ada", "Ada")
        assert (shown["plan"], shown["joinedAt"]) == ("pro", None)
        changed = await http.post("/api/auth/update-user", json={"plan": "free"})
        assert changed.status_code == 200, changed.text
        await live.until_shown(1, lambda user: user["plan"] == "free")
        refused = await http.post("/api/auth/update-user", json={"joinedAt": "now", "mail": "x"})
        assert refused.status_code == 400
    stored = await database["people"].find_one({"_id": "ada"})
    assert (
        stored["plan"] == "free" and "joinedAt" not in stored and stored["mail"] == asked["email"]
    )


async def test_a_field_that_is_not_listed_is_in_no_answer_and_no_frame(
    settings: Settings, database: Any
) -> None:
    given = settings.model_copy(
        update={
            "user_model": {"name": "fullName"},
            "user_fields": ("plan",),
            "session_fields": ("deviceName",),
        }
    )
    async with run_server(given, wire=SessionWire(given)) as server:
        alice, bob = await server.sign_up("Alice"), await server.sign_up("Bob")
        await _employ(alice, bob, database)
        await _plant(database)
        said = [*await _answers(alice, database), *await _frames(server, alice, bob)]
    assert not [each for each in said if CANARY in each]
    assert len([each for each in said if '"plan":"gold"' in each.replace(" ", "")]) >= 4
    assert len([each for each in said if '"deviceName":"iPad"' in each.replace(" ", "")]) >= 3
    of_members = [each for each in said if '"members"' in each]
    assert len(of_members) >= 2 and not [each for each in of_members if "gold" in each]


async def _employ(alice: httpx.AsyncClient, bob: httpx.AsyncClient, database: Any) -> None:
    """Both are members of one organization, which is active for both."""
    made = await alice.post("/api/auth/organization/create", json={"name": "Acme", "slug": "acme"})
    assert made.status_code == 200, made.text
    acme = await database["organization"].find_one({"slug": "acme"})
    user = await database["user"].find_one({"email": "bob@example.com"})
    await database["member"].insert_one(
        {"organizationId": acme["_id"], "userId": user["_id"], "role": "member"}
    )
    active = {"organizationId": str(acme["_id"])}
    assert (await bob.post("/api/auth/organization/set-active", json=active)).status_code == 200


async def _plant(database: Any) -> None:
    """Canaries in every document, and under the name that is mapped elsewhere."""
    planted = {
        name: f"{CANARY}-{name}"
        for name in ("passwordHash", "notes", "Plan", "apiKey", "name2", "device_name", "plan2")
    }
    await database["user"].update_many(
        {}, {"$set": {**planted, "name": CANARY, "plan": "gold", "deep": {"plan": CANARY}}}
    )
    await database["session"].update_many({}, {"$set": {**planted, "deviceName": "iPad"}})
    for name in ("organization", "member", "account"):
        await database[name].update_many({}, {"$set": {**planted, "plan": CANARY}})


async def _answers(http: httpx.AsyncClient, database: Any) -> list[str]:
    said = []
    acme = await database["organization"].find_one({"slug": "acme"})
    for path in (
        "get-session", "list-sessions", "list-accounts", "organization/list",
        "organization/get-full-organization", "organization/list-members",
    ):  # fmt: skip
        answer = await http.get(f"/api/auth/{path}", params={"organizationId": str(acme["_id"])})
        said.append(answer.text)
    entering = {"email": "alice@example.com", "password": PASSWORD}
    change = {"currentPassword": PASSWORD, "newPassword": PASSWORD}
    for path, body in (
        ("sign-in/email", entering),
        ("update-session", {"deviceName": "iPad"}),
        ("change-password", change),
    ):
        answer = await http.post(f"/api/auth/{path}", json=body)
        assert answer.status_code == 200, answer.text
        said.append(answer.text)
    return said


async def _frames(server: Running, *people: httpx.AsyncClient) -> list[str]:
    said = []
    for http in people:
        live = await server.live(http)
        for id, query in enumerate(("session", "user", "organizations", "organization", "devices")):
            await live.subscribe(id, query)
        for id in range(5):
            await live.until_shown(id, lambda _: True)
        said += [json.dumps(each) for each in live.frames]
    return said


def test_lists_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONWIRE_SECRET", secrets.token_urlsafe(48))
    monkeypatch.setenv("SESSIONWIRE_USER_FIELDS", "plan, joinedAt")
    assert SessionWire().settings.user_fields == ("plan", "joinedAt")
