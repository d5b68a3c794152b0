"""docs/quick-start.md, done as it says: its files, its programs, and two browsers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect

from docs.pages import blocks
from support.browser import PASSWORD, open_tab
from support.process import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from support.browser import Tab

pytestmark = pytest.mark.browser

PAGE = "docs/quick-start.md"
SERVES = "uvicorn_config(app, wire.settings)"
FILES = {
    "main.py": ("python", 0),
    "page.html": ("html", 0),
    "rename.py": ("python", 1),
    "revoke.py": ("python", 2),
}


def write_files(directory: Path) -> None:
    """The page's files, letter by letter."""
    ours = [each for each in blocks("python", "html") if each.page == PAGE]
    texts = {(each.language, each.number): each.text for each in ours}
    directory.mkdir()
    for name, key in FILES.items():
        (directory / name).write_text(texts[key])


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[str]:
    """`python main.py`, on a port that is free; that is all that differs from the page."""
    port = free_port()
    main = directory / "main.py"
    assert SERVES in main.read_text()
    main.write_text(main.read_text().replace(SERVES, f"{SERVES[:-1]}, port={port})"))
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONWIRE_")}
    if program := os.environ.get("SESSIONWIRE_MONGOD"):
        kept["SESSIONWIRE_MONGOD"] = program
    process = subprocess.Popen([sys.executable, "main.py"], cwd=directory, env=kept)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}/api/auth/ok").status_code == 200
    return False


async def enter(tab: Tab, link: str, button: str, **fields: str) -> None:
    """By the page's link, and the form behind it."""
    await tab.open()
    await tab.page.get_by_role("link", name=link, exact=True).click()
    for name, value in fields.items():
        await tab.page.locator(f"#{name}").fill(value)
    await tab.named("form").get_by_role("button", name=button).click()


async def show(pages: list[Page], *, who: str, where: str) -> None:
    for page in pages:
        await expect(page.locator("#who")).to_have_text(who)
        await expect(page.locator("#where")).to_have_text(where)


async def test_two_browsers_follow_every_step(chromium: Browser, tmp_path: Path) -> None:
    directory = tmp_path / "first"
    write_files(directory)
    with serving(directory) as address:
        await eventually(lambda: is_ready(address), within=30)
        async with (
            open_tab(chromium, address) as one,
            open_tab(chromium, address) as other,
        ):
            ada = {"email": "ada@example.com", "password": PASSWORD}
            await enter(one, "Sign up", "Create account", name="Ada", **ada)
            await enter(other, "Sign in", "Sign in", **ada)
            pages = [one.page, other.page]
            await show(pages, who="Hello Ada", where="Ada's workspace as owner")
            await one.page.get_by_label("Name").fill("Acme")
            await one.page.get_by_role("button", name="New organization").click()
            await show(pages, who="Hello Ada", where="Acme as owner")
            await other.page.get_by_role("button", name="Ada's workspace").click()
            await show(pages, who="Hello Ada", where="Ada's workspace as owner")
            run(directory, "rename.py")
            await show(pages, who="Hello Ada Lovelace", where="Ada's workspace as owner")
            await one.page.get_by_role("link", name="Sign out").click()
            await one.page.get_by_role("button", name="Sign out").click()
            await expect(one.page.get_by_text("You have signed out.")).to_be_visible()
            await show([other.page], who="Hello Ada Lovelace", where="Ada's workspace as owner")
            run(directory, "revoke.py")
            await show([other.page], who="Signed out (revoked)", where="")
            await other.page.reload()
            await expect(other.page.locator("#who")).to_contain_text("Signed out")


def run(directory: Path, program: str) -> None:
    subprocess.run([sys.executable, program], cwd=directory, check=True, timeout=30)
