"""The examples of docs/mounting.md, run as they stand there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from docs.examples import serve_example
from support.people import add_person
from support.server import LiveClient

if TYPE_CHECKING:
    from gateways.python.site import Site
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person

PAGE = "docs/mounting.md"


async def shows(served: Site, person: Person, *, under: str = "") -> bool:
    """Whether the API and the live wire know the person."""
    over_http = (await served.get(f"{under}/api/auth/get-session", person)).json()
    url = served.address.replace("http", "ws") + f"{under}/live"
    cookie = {"Cookie": person.cookie}
    async with connect(
        url,
        additional_headers=cookie,
        proxy=None,
        origin=served.address,  # type: ignore[arg-type]
    ) as connection:
        live = LiveClient(connection)
        await live.subscribe(1, "user")
        shown = await live.until_shown(1, lambda data: data is not None)
    return bool(over_http["user"]["id"] == shown["id"] == str(person.id))


@pytest.mark.parametrize(("number", "path", "says"), [(0, "/hello", "Hello"), (1, "/hello", "")])
async def test_an_application_has_its_routes_and_ours(
    store: Store,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    path: str,
    says: str,
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with serve_example(PAGE, number, settings, monkeypatch) as served:
        answer = (await served.get(path)).text
        assert answer == (says or json.dumps({"says": "Hello"}, separators=(",", ":")))
        assert await shows(served, alice)
        assert (await served.get("/unknown")).status_code == 404


@pytest.mark.parametrize("number", [2, 3], ids=["pymongo", "motor"])
async def test_an_application_lends_its_client(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with serve_example(PAGE, number, settings, monkeypatch) as served:
        assert await shows(served, alice)
        signed_out = await served.send(
            "POST", "/api/auth/sign-out", alice, origin=served.address, json={}
        )
        assert signed_out.status_code == 200
        assert (await served.get("/api/auth/get-session", alice)).json() is None
        if number == 2:
            assert (await served.get("/count")).json() == {"users": 1}


async def test_under_a_path_the_api_and_the_live_wire_work(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with serve_example(PAGE, 4, settings, monkeypatch) as served:
        assert await shows(served, alice, under="/identity")
        body = {"name": "Bob", "email": "bob@example.com", "password": "correct horse battery"}
        answer = await served.send(
            "POST", "/identity/api/auth/sign-up/email", origin=served.address, json=body
        )
        lines = answer.headers.get_list("set-cookie")
        assert lines and all("Path=/;" in line for line in lines)
        assert (await served.get("/identity/sessionwire/client/index.js")).status_code == 200
        page = await served.get("/identity/sign-in")
        assert (page.status_code, page.json()["code"]) == (404, "MOUNTED_UNDER_A_PATH")
