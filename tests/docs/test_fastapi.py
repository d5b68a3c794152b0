"""The FastAPI example of docs/helpers.md, run as it stands there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from docs.examples import serve_example
from gateways.python.site import carries_the_headers
from support.people import add_person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.python.site import Site
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


@pytest.fixture
async def served(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    async with serve_example("docs/helpers.md", 2, settings, monkeypatch) as running:
        yield running


async def test_dependencies_give_the_session_and_the_user(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    assert (await served.get("/greeting")).json() == {"name": None}
    assert (await served.get("/greeting", alice)).json() == {"name": "Alice"}
    me = await served.get("/account/me", alice)
    assert me.json()["name"] == "Alice" and me.json()["emailVerified"] is False
    assert carries_the_headers(me)
    own = {"origin": served.address}
    role = await served.send("POST", "/account/role", alice, **own)
    assert role.json() == {"role": None, "organization": None}


async def test_a_program_is_answered_401_and_a_page_redirects(served: Site) -> None:
    program = await served.get("/account/me")
    assert program.status_code == 401 and carries_the_headers(program)
    assert program.json() == {"detail": {"message": "Unauthorized", "code": "UNAUTHORIZED"}}
    page = await served.get("/settings?tab=2")
    assert page.status_code == 303 and carries_the_headers(page)
    assert page.headers["location"] == "/sign-in?redirect=/settings%3Ftab%3D2"


async def test_a_write_from_another_site_is_refused(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    forged = await served.send("POST", "/account/role", alice, origin="https://evil.test")
    assert forged.status_code == 403 and carries_the_headers(forged)
    assert forged.json()["detail"]["code"] == "INVALID_ORIGIN"


async def test_the_openapi_document_is_made_and_asks_nothing_of_clients(served: Site) -> None:
    document = (await served.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/greeting", "/account/me", "/account/role", "/settings"}
    for path in document["paths"].values():
        for operation in path.values():
            assert "parameters" not in operation and "requestBody" not in operation


def test_without_fastapi_the_import_says_what_to_install() -> None:
    program = "import sys; sys.modules['fastapi'] = None; import sessionwire.fastapi"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "ImportError: sessionwire.fastapi needs FastAPI: pip install fastapi" in ran.stderr
