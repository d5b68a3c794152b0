"""The inspector's page and its files: who gets them, and with which headers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from sessionwire import SessionWire
from sessionwire.gateways.inspector import page
from support.people import add_person
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

PAGE = Path(page.__file__).parent / "page"
FILES = sorted(each.name for each in PAGE.iterdir() if each.suffix in (".css", ".js"))
TYPES = {".css": "text/css", ".js": "text/javascript"}


@pytest.fixture
async def public(settings: Settings, store: Store) -> AsyncIterator[Running]:
    """A server in production: being on the same machine is no right."""
    production = settings.model_copy(update={"environment": "production"})
    async with run_server(production, wire=SessionWire(settings)) as server:
        yield server


def is_locked_down(answer: httpx.Response) -> bool:
    policy = answer.headers["content-security-policy"]
    return (
        policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
        and "unsafe" not in policy
        and "https:" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
    )


async def test_a_developer_gets_the_page_and_its_files(server: Running) -> None:
    async with server.http() as http:
        answer = await http.get("/inspector")
        assert (answer.status_code, is_locked_down(answer)) == (200, True)
        assert answer.headers["cache-control"] == "no-store"
        for name in FILES:
            answer = await http.get(f"/inspector/page/{name}")
            assert (answer.status_code, is_locked_down(answer)) == (200, True), name
            assert answer.headers["content-type"].startswith(TYPES[Path(name).suffix])
        for name in ("index.html", "facts.d.ts", "", "..%2froutes.py"):
            assert (await http.get(f"/inspector/page/{name}")).status_code == 404, name


async def test_a_visitor_is_sent_to_sign_in_and_back(public: Running) -> None:
    async with public.http() as http:
        answer = await http.get("/inspector")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?redirect=%2Finspector"


async def test_only_an_administrator_may_watch(
    public: Running, store: Store, settings: Settings
) -> None:
    for role, status in (("user", 403), ("user,admin", 200)):
        person = await add_person(store, settings, "Ada", role=role)
        async with public.http(headers={"cookie": person.cookie}) as http:
            answer = await http.get("/inspector")
        assert (answer.status_code, is_locked_down(answer)) == (status, True)
        assert "Only administrators" not in answer.text, "the page says why, as it is told"


async def test_who_may_hold_the_token_is_asked_for_it(store: Store, settings: Settings) -> None:
    token = {"environment": "production", "admin_token": SecretStr("a-token-of-an-administrator")}
    production = settings.model_copy(update=token)
    async with run_server(production, wire=SessionWire(settings)) as server, server.http() as http:
        answer = await http.get("/inspector")
        assert (answer.status_code, is_locked_down(answer)) == (401, True)
        assert 'id="door-form"' in answer.text
        bearer = {"authorization": "Bearer a-token-of-an-administrator"}
        assert (await http.get("/inspector", headers=bearer)).status_code == 200


async def test_without_the_pages_nobody_is_sent_to_one(store: Store, settings: Settings) -> None:
    bare = settings.model_copy(update={"environment": "production", "pages": False})
    async with run_server(bare, wire=SessionWire(settings)) as server, server.http() as http:
        assert (await http.get("/inspector")).status_code == 401


async def test_it_can_be_turned_off(store: Store, settings: Settings) -> None:
    off = settings.model_copy(update={"inspector": False})
    async with run_server(off) as server, server.http() as http:
        for path in ("/inspector", "/inspector/page/app.js", "/inspector/process"):
            assert (await http.get(path)).status_code == 404, path


def test_the_page_has_no_inline_script_or_style_and_makes_no_html_of_texts() -> None:
    html = (PAGE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", html) == []
    for name in FILES:
        source = (PAGE / name).read_text()
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|https?://(?!www\.w3)", source
        )


def test_the_page_names_only_files_that_are_served() -> None:
    html = (PAGE / "index.html").read_text()
    named = re.findall(r'<(?:link|script|img)\b[^>]*(?:href|src)="(/[^"]*)"', html)
    ours = {each.rpartition("/")[2] for each in named if each.startswith("/inspector/page/")}
    imported = {
        each
        for name in FILES
        for each in re.findall(r"^import .* from '\./([^']+)'", (PAGE / name).read_text(), re.M)
    }
    assert "app.js" in ours
    assert ours | imported == set(FILES), "and none is served in vain"
