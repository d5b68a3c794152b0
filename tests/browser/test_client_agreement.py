"""All tabs of all devices of one user show the same, whoever writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.client_pages.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from browser.client_pages.recording import Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser


@pytest.fixture
async def stage(chromium: Browser, settings: Settings, store: Store) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings) as stage:
        yield stage


async def five_tabs(stage: Stage) -> list[Recording]:
    """Ada's, on two devices."""
    one, other = await stage.device(), await stage.device()
    first, elsewhere = await one.tab(), await other.tab()
    await first.sign_up("Ada")
    await elsewhere.sign_in("Ada")
    tabs = [first, await one.tab(), await one.tab(), elsewhere, await other.tab()]
    for tab in tabs:
        await tab.shows_user("Ada")
    return tabs


async def test_an_edit_in_one_tab_shows_in_every_tab_of_every_device(stage: Stage) -> None:
    tabs = await five_tabs(stage)
    for tab, name in ((tabs[0], "Ada Lovelace"), (tabs[4], "The Countess")):
        await tab.done("updateUser", {"name": name})
        assert (await tab.shown())["session"]["data"]["user"]["name"] == name  # as it returns
        for each in tabs:
            await each.shows_user(name)


async def test_a_write_by_another_program_shows_in_every_tab_of_every_device(stage: Stage) -> None:
    tabs = await five_tabs(stage)
    await stage.rename("Ada Lovelace")
    for tab in tabs:
        await tab.shows_user("Ada Lovelace")
        await tab.until("organization.data.members[0].user.name === 'Ada Lovelace'")
    await stage.write("organization", "update_many", {}, {"$set": {"name": "Analytical Engines"}})
    for tab in tabs:
        await tab.shows_organization("Analytical Engines")


async def test_following_costs_no_request_and_no_further_connection(stage: Stage) -> None:
    [tab, *_] = tabs = await five_tabs(stage)
    requests: list[str] = []
    opened = len(tab.sockets)
    tab.page.on("request", lambda request: requests.append(request.url))
    await stage.rename("Ada Lovelace")
    await tab.shows_user("Ada Lovelace")
    for _ in range(20):  # as people come and go
        await tab.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    await stage.rename("Ada")
    await tab.shows_user("Ada")
    assert requests == []
    assert len(tab.sockets) == opened
    assert stage.connections == len(tabs)


async def test_a_pending_tab_shows_nobody_and_then_who_is_signed_in(stage: Stage) -> None:
    device = await stage.device()
    first = await device.tab()
    await first.sign_up("Ada")
    tab = await device.open()
    await tab.shows_user("Ada")
    moments = await tab.moments()
    assert moments[0]["session"]["isPending"]
    for moment in moments:
        session = moment["session"]
        assert session["isPending"] == (session["data"] is None), "a flash of the signed-out page"
