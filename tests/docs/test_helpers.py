"""The examples of docs/helpers.md, run as they stand there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from docs.examples import example, serve_example
from gateways.python.site import carries_the_headers
from sessionwire import Refusal
from support.people import add_organization, add_person

if TYPE_CHECKING:
    import pytest

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


async def test_the_helpers_answer_as_the_page_says(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with serve_example("docs/helpers.md", 0, settings, monkeypatch) as served:
        assert (await served.get("/")).text == "Hello stranger"
        assert (await served.get("/", alice)).text == "Hello Alice"
        visitor = await served.get("/settings")
        assert visitor.headers["location"] == "/sign-in?redirect=/settings"
        shown = await served.get("/settings", alice)
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["content-security-policy"] == "default-src 'self'"
        none = await served.get("/report", alice)
        assert (none.status_code, none.json()["code"]) == (409, "NO_ORGANIZATION")
        acme = await add_organization(store, "Acme", {alice.id: "owner"})
        async with store.writing() as writing:
            pointer = {"$set": {"activeOrganizationId": str(acme)}}
            await writing.update_one("user", {"_id": alice.id}, pointer)
        seen = f"{writing.version:016x}"
        report = await served.get("/report", alice, sessionwire_version=seen)
        assert report.json()["organization"]["name"] == "Acme" and carries_the_headers(report)
        embedded = await served.get("/report", alice, sec_fetch_site="cross-site")
        assert embedded.json()["code"] == "CROSS_SITE_REQUEST"
        forged = await served.send("POST", "/rename", alice, origin="https://evil.test")
        assert (forged.status_code, forged.json()["code"]) == (403, "INVALID_ORIGIN")
        own = await served.send("POST", "/rename", alice, origin=served.address)
        assert own.json()["renamedBy"]["name"] == "Alice"


async def test_a_page_carries_the_session(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await add_person(store, settings, "</script>")
    async with serve_example("docs/helpers.md", 3, settings, monkeypatch) as served:
        page = await served.get("/projects", alice)
    assert page.headers["cache-control"] == "no-store"
    script = page.text.partition('<script type="application/json" id="sessionwire">')[2]
    content = json.loads(script.partition("</script>")[0])
    assert content["data"]["user"]["name"] == "</script>" and len(content["version"]) == 16


async def test_a_handler_of_fastapi_words_refusals_as_the_api_does() -> None:
    names: dict[str, Any] = {}
    exec(compile(example("docs/helpers.md", 1), "docs/helpers.md", "exec"), names)
    app = names["app"]

    async def plain() -> None:
        raise Refusal(403, "INVALID_ORIGIN", "Invalid origin")

    app.get("/plain")(plain)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
        response = await http.get("/plain")
    assert response.json() == {"message": "Invalid origin", "code": "INVALID_ORIGIN"}
    assert response.status_code == 403 and carries_the_headers(response)
