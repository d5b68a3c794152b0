"""The demo's files and the client's modules, as a browser gets them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sessionwire.gateways.pages import routes
from sessionwire.gateways.pages.routes import page_routes

CLIENT = Path(__file__).parents[2] / "client_js" / "src"
DEMO = Path(routes.__file__).parent / "demo"
PAGES = ["/", *(f"/demo/{each.name}" for each in DEMO.iterdir() if each.suffix != ".html")]
ASSETS = [
    f"/sessionwire/pages/{each.name}"
    for each in (Path(routes.__file__).parent / "assets").iterdir()
]
MODULES = [f"/sessionwire/client/{each.name}" for each in CLIENT.glob("*.js")]


def browser(*, demo: bool = True) -> httpx.AsyncClient:
    app = Starlette(routes=page_routes(demo=demo, client_directory=CLIENT))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example.test")


@pytest.mark.parametrize("path", [*PAGES, *MODULES, *ASSETS])
async def test_every_file_is_served_with_its_type_and_the_security_headers(path: str) -> None:
    answer = await browser().get(path)
    assert answer.status_code == 200
    types = {"": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(types[Path(path).suffix])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


async def test_a_file_that_the_browser_holds_is_not_sent_again() -> None:
    web = browser()
    etag = (await web.get("/")).headers["etag"]
    for stated in [etag, f"W/{etag}", f'"other", {etag}', "*"]:
        answer = await web.get("/", headers={"if-none-match": stated})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    answer = await web.get("/", headers={"if-none-match": '"other"'})
    assert answer.status_code == 200


async def test_head_is_get_without_the_body() -> None:
    answer = await browser().head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == (DEMO / "index.html").stat().st_size


@pytest.mark.parametrize("path", PAGES)
async def test_without_the_demo_only_the_client_is_served(path: str) -> None:
    web = browser(demo=False)
    assert (await web.get(path)).status_code == 404
    assert (await web.get("/sessionwire/client/index.js")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/sessionwire/client/index.d.ts",
        "/sessionwire/client/",
        "/sessionwire/client/..%2Fpackage.json",
        "/demo/",
        "/demo/..%2froutes.py",
        "/demo/index.html",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    assert (await browser().get(path)).status_code == 404


def test_a_directory_without_the_client_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no client modules"):
        page_routes(demo=False, client_directory=tmp_path)


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (DEMO / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []


def test_the_page_names_only_files_that_are_served() -> None:
    page = (DEMO / "index.html").read_text()
    named = re.findall(r'<(?:link|script|img)\b[^>]*(?:href|src)="(/[^"]*)"', page)
    assert "/demo/app.js" in named
    imported = [
        f"/demo/{name}"
        for each in DEMO.glob("*.js")
        for name in re.findall(r"from '\./([^']+)'", each.read_text())
    ]
    assert {*named, *imported} <= {*PAGES, *MODULES, *ASSETS}
    assert all("innerHTML" not in each.read_text() for each in DEMO.glob("*.js"))


def test_the_page_preloads_what_the_client_begins_with_and_nothing_else() -> None:
    needed: set[str] = set()
    waiting = ["index.js"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            code = (CLIENT / name).read_text()
            waiting += re.findall(r"^(?:import|export)\b[^;]*? from '\./([^']+)'", code, re.M)
    page = (DEMO / "index.html").read_text()
    preloaded = re.findall(r'rel="modulepreload" href="/sessionwire/client/([^"]+)"', page)
    assert sorted(preloaded) == sorted(needed)
