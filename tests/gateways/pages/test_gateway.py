"""What all pages have in common: headers, methods, and how failures look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from auth.rig import settings_with
from gateways.pages.visitor import CLIENT, Site, field, heading
from sessionwire.app import SessionWire
from sessionwire.gateways.pages import routes
from sessionwire.gateways.pages.routes import page_routes
from sessionwire.gateways.pages.words import title_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

ROOM = Path(routes.__file__).parent
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
PATHS = [
    "/",
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/forgot-password",
    "/reset-password",
    "/verify-email",
    "/accept-invitation",
    "/auth/after",
    "/auth/error",
    "/sign-in/google",
]


@pytest.fixture
def secure(store: Store) -> Site:
    settings = settings_with(base_url="https://app.example.com")
    return Site(store, settings)


def seal(answer: httpx.Response) -> None:
    """Assert that this is an answer that no cache keeps, no page frames, and nothing runs in."""
    headers = answer.headers
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Cookie"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    policy = headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= {*policy}
    assert {"script-src 'self'", "require-trusted-types-for 'script'"} <= {*policy}
    assert "unsafe" not in headers["content-security-policy"]
    if answer.content:
        assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", PATHS)
async def test_ht_05_every_answer_has_the_headers(secure: Site, path: str) -> None:
    visitor = secure.visitor()
    for answer in (
        await visitor.get(path),
        await visitor.submit(path, {"email": "nobody"}),
        await visitor.http.put(path),
        await visitor.submit(path, {"x": "y" * 100_000}),
        await visitor.http.post(path, content=b"{", headers={"content-type": "text/plain"}),
    ):
        seal(answer)


async def test_every_page_of_the_server_is_in_the_sweep(store: Store) -> None:
    site = Site(store, settings_with(environment="development"))
    found = page_routes(demo=False, client_directory=CLIENT, backing=site.backing)
    paths = {route.path for route in found if not route.path.startswith("/sessionwire/")}  # type: ignore[attr-defined]
    assert {each.replace("google", "{provider}") for each in [*PATHS, "/mailbox"]} == paths


async def test_another_method_is_405_with_those_there_are(secure: Site) -> None:
    visitor = secure.visitor()
    answer = await visitor.http.put("/sign-in")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    answer = await visitor.submit("/auth/error")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert heading(answer) == "There is nothing here"


async def test_other_content_types_and_large_bodies_are_refused(secure: Site) -> None:
    visitor = secure.visitor()
    answer = await visitor.http.post(
        "/sign-in", content=b"email=a", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415
    answer = await visitor.submit("/sign-in", {"email": "x" * 1_000_000})
    assert answer.status_code == 413
    answer = await visitor.http.post("/sign-in", data={"email": ["a@b.example", "c@d.example"]})
    assert answer.status_code == 400
    assert field(answer, "email")["value"] == ""
    assert (await visitor.get("/sign-in?redirect=a&redirect=b")).status_code == 400


async def test_an_unreachable_database_is_a_page_that_says_try_again(secure: Site) -> None:
    visitor = secure.visitor()
    await visitor.sign_up()
    secure.reader.reachable = False
    for path in ("/sign-in", "/auth/after"):
        answer = await visitor.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        seal(answer)
        assert "The server cannot answer just now." in answer.text


async def test_a_fault_of_ours_tells_a_number_and_nothing_else(
    secure: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(secure.reader, "read", fail)
    visitor = secure.visitor()
    await visitor.sign_up()
    answer = await visitor.get("/sign-in")
    assert answer.status_code == 500
    seal(answer)
    id = answer.headers["x-request-id"]
    assert id in answer.text
    assert id in caplog.text
    assert "secret" not in answer.text
    assert "a secret" not in caplog.text


async def test_head_is_get_without_effects(secure: Site) -> None:
    answer = await secure.visitor().http.head("/sign-in")
    assert answer.status_code == 200
    seal(answer)


async def test_the_mailbox_is_for_development_without_a_mail_server(store: Store) -> None:
    for given, status in (
        ({"environment": "development"}, 200),
        ({"environment": "development", "smtp_host": "mail.example.com"}, 404),
        ({"environment": "production"}, 404),
    ):
        site = Site(store, settings_with(**given))
        assert (await site.visitor().get("/mailbox")).status_code == status, given


async def test_pages_are_turned_off_or_replaced(settings: Settings) -> None:
    """docs/pages.md#your-own"""

    async def mine(request: Request) -> Response:
        return PlainTextResponse("my own page")

    for pages, statuses in ((True, [200, 200, 200]), (False, [200, 404, 404])):
        wire = SessionWire(settings.model_copy(update={"pages": pages}))
        app = Starlette(routes=[Route("/sign-in", mine), Mount("/", wire)])
        transport = httpx.ASGITransport(app)
        async with (
            wire.lifespan(app),
            httpx.AsyncClient(transport=transport, base_url=settings.base_url) as http,
        ):
            answers = [await http.get(path) for path in ("/sign-in", "/sign-up", "/mailbox")]
            assert [each.status_code for each in answers] == statuses
            assert answers[0].text == "my own page"


def test_the_site_is_called_by_the_name_that_sends_its_mails() -> None:
    assert title_of(settings_with(mail_from="Acme <no-reply@acme.example>")) == "Acme"
    settings = settings_with(mail_from="no-reply@acme.example", base_url="https://acme.example")
    assert title_of(settings) == "acme.example"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_a_template_runs_and_loads_nothing_but_our_files(template: Path) -> None:
    html = template.read_text()
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", html) == []
    assert "|safe" not in html.replace(" ", "")
    for name in re.findall(r'(?:href|src)="/sessionwire/pages/([^"]*)"', html):
        assert (ROOM / "assets" / name).is_file()
    for path in re.findall(r'(?:href|action)="(/[^"{]*)"', html):
        if path != "/" and not path.startswith("/sessionwire/"):
            assert path.partition("?")[0] in [*PATHS, "/mailbox"]
