"""The example of docs/hooks.md, run as it stands there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pymongo import AsyncMongoClient

from docs.examples import ROOT, example
from sessionwire import SessionWire
from sessionwire.auth.events import Event, EventKind
from sessionwire.model import ObjectId
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


async def eventually(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 (whoever it is, tells nobody)
            await asyncio.sleep(0.005)


async def test_the_example_hears_of_new_users_and_ended_sessions(
    store: Store,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert settings.mongodb_uri is not None and settings.secret is not None
    monkeypatch.setenv("MONGODB_URI", settings.mongodb_uri.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_SECRET", settings.secret.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_DATABASE", settings.database)
    names: dict[str, Any] = {}
    exec(compile(example("docs/hooks.md"), "docs/hooks.md", "exec"), names)
    wire: SessionWire = names["wire"]
    async with names["client"] as client, run_server(wire.settings, wire=wire) as server:
        projects = client[settings.database]["project"]
        id = ObjectId()
        person = {"_id": id, "name": "Ada", "email": "ada@example.com"}
        await client[settings.database]["user"].insert_one(person)
        await eventually(lambda: projects.find_one({"_id": str(id), "name": "First project"}))
        http = await server.sign_up("Alice")
        shown = (await http.get("/api/auth/get-session")).json()
        alice = shown["user"]["id"]
        await eventually(lambda: projects.find_one({"_id": alice}))
        assert (await http.post("/api/auth/sign-out")).status_code == 200
        printed: list[str] = []

        async def ended() -> bool:
            printed.append(capfd.readouterr().out)
            return f"{alice} signed_out" in "".join(printed)

        await eventually(ended)


async def test_two_servers_tell_of_a_new_user_once(settings: Settings, store: Store) -> None:
    told: list[str] = []
    wires = [SessionWire(settings), SessionWire(settings)]

    async def hear(event: Event) -> None:
        told.append(event.user_id)

    for wire in wires:
        wire.on("user_created")(hear)
    assert settings.mongodb_uri is not None
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        settings.mongodb_uri.get_secret_value()
    )
    async with client, contextlib.AsyncExitStack() as stack:
        for wire in wires:
            await stack.enter_async_context(wire.lifespan())
        ids = [ObjectId() for _ in range(30)]
        people = [{"_id": id, "name": "P", "email": f"{id}@example.com"} for id in ids]
        await client[settings.database]["user"].insert_many(people)
        await eventually(lambda: _all(len(told) >= len(ids)))
        for wire in wires:  # nothing waits any more
            await wire.relay.until(await store.ping())
    assert sorted(told) == sorted(map(str, ids))


async def _all(condition: bool) -> bool:
    return condition


async def test_a_hook_that_hangs_does_not_hold_up_the_answer(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionwire.auth.events._DRAINS_WITHIN", 0.01)
    wire = SessionWire(settings)
    called = asyncio.Event()

    @wire.on("signed_in")
    async def hang(event: Event) -> None:
        called.set()
        await asyncio.Event().wait()

    async with run_server(settings, wire=wire) as server:
        await server.sign_up("Alice")
        await server.sign_in("Alice")
        await called.wait()


def test_the_page_names_every_event() -> None:
    page = (ROOT / "docs/hooks.md").read_text()
    assert [kind for kind in get_args(EventKind) if f"| `{kind}` |" not in page] == []


async def test_hooks_may_be_keywords_and_an_ended_session_is_also_called_revoked(
    settings: Settings, store: Store
) -> None:
    told: list[Event] = []
    wire = SessionWire(
        **settings.model_dump(exclude_unset=True),
        on_user_created=told.append,
        on_signed_in=told.append,
        on_revoked=told.append,
    )
    async with run_server(wire.settings, wire=wire) as server:
        alice = await server.sign_up("Alice")
        await alice.post("/api/auth/revoke-sessions")
        await eventually(lambda: _all(len(told) == 3))
    assert sorted(each.kind for each in told) == ["session_ended", "signed_in", "user_created"]


def test_a_keyword_that_there_is_not_is_refused(settings: Settings) -> None:
    with pytest.raises(TypeError, match="databse"):
        SessionWire(databse="app")
    with pytest.raises(TypeError, match="database"):
        SessionWire(settings, database="app")
    with pytest.raises(ValueError, match="begun"):
        SessionWire(settings, on_begun=print)
