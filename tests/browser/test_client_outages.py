"""The network or the server goes away: tabs keep what they show, and return by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.client_pages.recording import RETURNS_WITHIN, device, never_signed_out
from browser.client_pages.site import serve_site
from browser.client_pages.stage import open_stage, write
from support.process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from browser.client_pages.recording import Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser

ADA = {"email": "ada@example.com"}
RENAMED = {"$set": {"name": "Ada Lovelace"}}
KEEPS_SHOWING_ADA = (
    "session.status === 'stale' && session.stale && session.data?.user.name === 'Ada'"
)


@pytest.fixture
async def stage(chromium: Browser, settings: Settings, store: Store) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings) as stage:
        yield stage


async def two_tabs(stage: Stage) -> tuple[Recording, Recording]:
    """Ada's, on one device."""
    device = await stage.device()
    one, other = await device.tab(), await device.tab()
    await one.sign_up("Ada")
    await other.shows_user("Ada")
    return one, other


async def returned(tab: Recording) -> None:
    """It shows what was written meanwhile, all of it live, and never showed anything false."""
    await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    await tab.until("organization.data.members[0].user.name === 'Ada Lovelace'")
    await tab.until(
        "Object.values(shown()).every(({ status, stale }) => status === 'live' && !stale)"
    )
    never_signed_out(await tab.moments())


@pytest.mark.slow
async def test_offline_a_tab_keeps_what_it_shows_and_catches_up_without_a_reload(
    stage: Stage,
) -> None:
    tabs = await two_tabs(stage)
    context = tabs[0].page.context
    await context.set_offline(True)
    for tab in tabs:
        await tab.until(KEEPS_SHOWING_ADA, within=RETURNS_WITHIN)
    await stage.rename("Ada Lovelace")
    for tab in tabs:
        await tab.until(KEEPS_SHOWING_ADA)
    await context.set_offline(False)
    for tab in tabs:
        await returned(tab)


async def test_a_write_made_offline_fails_and_is_not_left_on_the_screen(stage: Stage) -> None:
    tab, _ = await two_tabs(stage)
    await tab.page.context.set_offline(True)
    outcome = await tab.call("updateUser", {"name": "Nobody"})
    assert outcome["error"]["code"] == "NETWORK_ERROR"
    assert (await tab.shown())["session"]["data"]["user"]["name"] == "Ada"
    outcome = await tab.call("signOut")
    assert outcome["error"]["code"] == "NETWORK_ERROR"
    assert (await tab.shown())["session"]["data"]["user"]["name"] == "Ada"
    await tab.page.context.set_offline(False)
    await stage.rename("Ada Lovelace")
    await returned(tab)


async def test_a_server_that_is_killed_and_comes_back_signs_nobody_out(
    chromium: Browser, settings: Settings, store: Store
) -> None:
    port = free_port()
    async with device(chromium, f"http://127.0.0.1:{port}") as laptop:
        async with serve_site(settings, port=port) as server:
            tabs = [await laptop.tab(), await laptop.tab(), await laptop.tab()]
            await tabs[0].sign_up("Ada")
            for tab in tabs:
                await tab.shows_user("Ada")
            server.kill()
            for tab in tabs:
                await tab.until(KEEPS_SHOWING_ADA)
        await write(settings, "user", "update_one", ADA, RENAMED)
        async with serve_site(settings, port=port):
            for tab in tabs:
                await returned(tab)
            for tab in tabs:
                await tab.end()  # before the server stops for good


async def test_a_session_that_ended_while_the_server_was_down_is_shown_as_ended(
    chromium: Browser, settings: Settings, store: Store
) -> None:
    port = free_port()
    async with device(chromium, f"http://127.0.0.1:{port}") as laptop:
        async with serve_site(settings, port=port) as server:
            tab = await laptop.tab()
            await tab.sign_up("Ada")
            server.kill()
            await tab.until(KEEPS_SHOWING_ADA)
        await write(settings, "session", "delete_many", {})
        async with serve_site(settings, port=port):
            await tab.until("!session.isPending && session.data === null", within=RETURNS_WITHIN)
            await tab.end()


@pytest.mark.parametrize("hours", [1, 90])
async def test_a_clock_that_jumps_forward_costs_at_most_a_new_connection(
    stage: Stage, hours: int
) -> None:
    device = await stage.device()
    await device.context.clock.install()
    tab = await device.tab()
    await tab.sign_up("Ada")
    await device.context.clock.fast_forward(hours * 3_600_000)
    await stage.rename("Ada Lovelace")
    await returned(tab)


async def test_a_clock_that_is_set_back_is_not_noticed(stage: Stage) -> None:
    device = await stage.device()
    await device.context.clock.install()
    tab = await device.tab()
    await tab.sign_up("Ada")
    opened = len(tab.sockets)
    await device.context.clock.set_system_time("2001-01-01")
    await stage.rename("Ada Lovelace")
    await returned(tab)
    assert len(tab.sockets) == opened
