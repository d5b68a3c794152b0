"""The database or the server goes away: the pages keep what they show, and return by themselves."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sessionwire.store.embedded import EmbeddedMongo
from support.browser import Tab, open_tab
from support.process import Served, eventually, serve, write_from_elsewhere

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = pytest.mark.browser

ADA = {"email": "ada@example.com"}
STALE = "Not live at the moment. What you see may be out of date; it catches up by itself."
RECONNECTED_WITHIN = 25_000  # milliseconds; the client's longest pause between attempts is 10 s


async def rename(uri: str, name: str) -> None:
    change = {"$set": {"name": name}}
    await write_from_elsewhere(uri, "sessionwire", "user", "update_one", ADA, change)


async def next_mongod(served: Served) -> int:
    """Kill the mongod, and hold the next one before it serves; its process id."""
    [victim] = served.mongods()
    victim.kill()
    await eventually(lambda: any(each.pid != victim.pid for each in served.mongods()))
    [successor] = served.mongods()
    return successor.pid


async def test_without_its_database_the_page_is_stale_and_returns_by_itself(
    chromium: Browser, tmp_path: Path
) -> None:
    async with (
        serve(tmp_path / "data", "--demo", limits__max_staleness="1") as served,
        open_tab(chromium, served.address) as tab,
    ):
        await tab.sign_up("Ada")
        await expect(tab.named("member")).to_have_count(1)
        successor = await next_mongod(served)
        os.kill(successor, signal.SIGSTOP)
        await expect(tab.light).to_have_text("Stale")
        await expect(tab.named("mirror-light")).to_have_text("Stale")
        await expect(tab.named("banner-stale")).to_have_text(STALE)
        await expect(tab.named("user-name")).to_have_text("Ada")
        await expect(tab.named("member")).to_have_count(1)
        os.kill(successor, signal.SIGCONT)
        await expect(tab.light).to_have_text("Live", timeout=RECONNECTED_WITHIN)
        await expect(tab.named("banner-stale")).to_be_hidden()
        await rename(served.mongodb_uri, "Ada Lovelace")
        await tab.shows_user("Ada Lovelace")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
async def test_after_a_restart_pages_are_signed_in_and_show_what_was_written_meanwhile(
    chromium: Browser, tmp_path: Path, sign: signal.Signals
) -> None:
    data_dir = tmp_path / "data"
    async with (
        serve(data_dir, "--demo") as served,
        open_tab(chromium, served.address) as one,
        open_tab(chromium, served.address) as other,
    ):
        await one.sign_up("Ada")
        await other.sign_in("Ada")
        tabs = (one, other)
        with ExitStack() as outages:
            for tab in tabs:
                outages.enter_context(tab.outage())
            await served.end(sign)
            for tab in tabs:
                await expect(tab.light).to_have_text("Stale")
                await expect(tab.named("user-name")).to_have_text("Ada")
            async with EmbeddedMongo(data_dir) as mongo:
                await rename(mongo.uri, "Ada Lovelace")
            async with serve(data_dir, "--demo", "--port", str(served.port)):
                await both_return(tabs)
                for tab in tabs:
                    await tab.page.close()  # before the server stops for good


async def both_return(tabs: tuple[Tab, ...]) -> None:
    for tab in tabs:
        await expect(tab.light).to_have_text("Live", timeout=RECONNECTED_WITHIN)
        await expect(tab.named("mirror-light")).to_have_text("Live", timeout=RECONNECTED_WITHIN)
        await expect(tab.named("mirror-session")).to_contain_text("Ada Lovelace")
        await expect(tab.named("banner-stale")).to_be_hidden()
        await tab.shows_user("Ada Lovelace")
