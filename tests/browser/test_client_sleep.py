"""Tabs that the browser freezes, or keeps for going back: awake, they are current again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.client_pages.plain import open_plain_context
from browser.client_pages.recording import RETURNS_WITHIN, judged, never_signed_out
from browser.client_pages.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, CDPSession

    from browser.client_pages.recording import Device, Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser


@pytest.fixture
async def stage(chromium: Browser, settings: Settings, store: Store) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings) as stage:
        yield stage


@pytest.fixture
async def laptop(stage: Stage, tmp_path: Path) -> AsyncIterator[Device]:
    async with (
        open_plain_context(tmp_path / "profile") as context,
        judged(context, stage.address) as device,
    ):
        yield device


async def freeze(tab: Recording) -> CDPSession:
    """The session of the developer tools by which it is woken."""
    tools = await tab.page.context.new_cdp_session(tab.page)
    await tools.send("Page.setWebLifecycleState", {"state": "frozen"})
    await tab.page.wait_for_function("() => life.includes('freeze')", polling=20)
    return tools


async def wake(tools: CDPSession) -> None:
    await tools.send("Page.setWebLifecycleState", {"state": "active"})


async def go_back(tab: Recording) -> None:
    """To the very page that was left, not to a new one of the same address."""
    await tab.page.go_back(wait_until="commit")
    await tab.page.wait_for_function("() => globalThis.life?.at(-1) === 'restored'", polling=20)


async def returned(tab: Recording) -> None:
    await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    await tab.until("Object.values(shown()).every(({ status }) => status === 'live')")
    never_signed_out(await tab.moments())


async def test_a_tab_that_slept_shows_what_was_written_meanwhile(
    stage: Stage, laptop: Device
) -> None:
    tab, awake = await laptop.tab(), await laptop.tab()
    await tab.sign_up("Ada")
    await awake.shows_user("Ada")
    tools = await freeze(tab)
    await stage.rename("Ada Lovelace")
    await awake.shows_user("Ada Lovelace")
    assert (await tab.shown())["session"]["data"]["user"]["name"] == "Ada"  # it does sleep
    await wake(tools)
    await returned(tab)
    assert await tab.page.evaluate("() => life") == ["shown", "freeze", "resume"]


async def test_a_tab_whose_session_was_revoked_in_its_sleep_shows_that(
    stage: Stage, laptop: Device
) -> None:
    tab, awake = await laptop.tab(), await laptop.tab()
    await tab.sign_up("Ada")
    await awake.shows_user("Ada")
    tools = await freeze(tab)
    await stage.write("session", "delete_many", {})
    await awake.until("session.data === null && session.reason === 'revoked'")
    await wake(tools)
    await tab.until("session.data === null && !session.isPending")


async def test_a_tab_that_slept_while_its_neighbour_changed_the_user_follows(
    stage: Stage, laptop: Device
) -> None:
    tab, awake = await laptop.tab(), await laptop.tab()
    await tab.sign_up("Ada")
    await awake.shows_user("Ada")
    tools = await freeze(tab)
    await awake.done("signOut")
    await awake.sign_up("Grace")
    await wake(tools)
    await tab.shows_user("Grace")


async def test_a_page_that_one_goes_back_to_is_current_again(stage: Stage, laptop: Device) -> None:
    tab = await laptop.tab()
    await tab.sign_up("Ada")
    await tab.page.goto(f"{stage.address}/pages/blank.html")
    await stage.rename("Ada Lovelace")
    await go_back(tab)
    await returned(tab)


async def test_a_page_that_one_goes_back_to_after_signing_out_shows_nobody(
    stage: Stage, laptop: Device
) -> None:
    tab, other = await laptop.tab(), await laptop.tab()
    await tab.sign_up("Ada")
    await other.shows_user("Ada")
    await tab.page.goto(f"{stage.address}/pages/blank.html")
    await other.done("signOut")
    await go_back(tab)
    await tab.until("session.data === null && !session.isPending")
