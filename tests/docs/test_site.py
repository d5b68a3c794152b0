"""The documentation as a site: it builds without a warning, asks nobody else, and can be used."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect

from docs.pages import PAGES, ROOT
from support.browser import open_tab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Browser

AXE = ROOT / "client_js" / "node_modules" / "axe-core" / "axe.min.js"
ONE_OF_EACH_KIND = ("", "quick-start/", "operating/", "protocol/", "semantics/")
FOR_AXE = ("", "quick-start/", "operating/")
"""It takes long on long tables."""
WIDE: Any = {"width": 1280, "height": 850}
NARROW: Any = {"width": 390, "height": 850}
FIND = """async () => {
  const off = { enabled: false }; // in the theme's markup: its search and two navigations
  const rules = { 'aria-dialog-name': off, 'landmark-unique': off };
  const { violations } = await axe.run({ rules });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => {
    return `${id}: ${html}: ${failureSummary}`;
  }));
}"""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `mkdocs build --strict` builds it."""
    directory = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", directory],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "default"},
    )
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr
    return directory


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


class Loads(HTMLParser):
    """What a page loads by itself: not what it links to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("prev", "next", "canonical"):
            self.found.append(given.get("href") or "")
        self.found += [given[name] or "" for name in ("src", "srcset", "data") if name in given]


def is_foreign(address: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", address) is not None


def test_every_page_is_on_the_site(site: Path) -> None:
    for page in PAGES:
        inside = page.removeprefix("docs/").removesuffix(".md").removesuffix("index")
        if page.startswith("docs/"):
            assert (site / inside / "index.html").is_file(), page


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = Loads(page.read_text()).found
        assert loaded and not [each for each in loaded if is_foreign(each)], page
    for sheet in site.rglob("*.css"):
        named = re.findall(r"(?:url\(|@import )[\"']?([^\"')]+)", sheet.read_text())
        assert not [each for each in named if is_foreign(each)], sheet
    assert is_foreign("https://a.test/x.js") and is_foreign("//a.test/x.js")
    assert Loads('<script src="//a.test/x.js"></script>').found == ["//a.test/x.js"]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_page_of_each_kind_can_be_read_wide_and_narrow(
    chromium: Browser, address: str, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    """It fits, it asks nobody else, and axe finds nothing."""
    asked: list[str] = []
    options: Any = {"color_scheme": scheme, "reduced_motion": "reduce", "viewport": WIDE}
    async with open_tab(chromium, address, **options) as tab:
        tab.page.on("request", lambda request: asked.append(request.url))
        for page in ONE_OF_EACH_KIND:
            await tab.page.set_viewport_size(WIDE)
            await tab.page.goto(f"{address}/{page}")
            await expect(tab.page.locator("h1")).to_be_visible()
            assert await tab.page.evaluate(OVERFLOW) <= 0, page
            assert len(await tab.page.screenshot(path=tmp_path / "wide.png")) > 10_000
            if AXE.exists() and page in FOR_AXE:
                await tab.page.add_script_tag(path=AXE)
                assert await tab.page.evaluate(FIND) == [], page
            await tab.page.set_viewport_size(NARROW)
            assert await tab.page.evaluate(OVERFLOW) <= 0, page
    assert [each for each in asked if not each.startswith((address, "data:"))] == []


@pytest.mark.browser
async def test_the_search_finds_a_word_without_any_server(chromium: Browser, address: str) -> None:
    async with open_tab(chromium, address) as tab:
        await tab.page.goto(f"{address}/")
        await tab.page.get_by_role("textbox", name="Search").click()
        await tab.page.keyboard.type("tombstone", delay=20)
        found = tab.page.locator(".md-search-result__link").first
        await expect(found).to_contain_text("tombstone", ignore_case=True)
