"""Sessions that begin and end, and what the other tabs and devices show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.client_pages.recording import never_signed_out
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


async def ended(tab: Recording, reason: str) -> None:
    await tab.until(
        f"session.data === null && !session.isPending && session.reason === '{reason}'"
        " && organization.data === null && organizations.data === null && devices.data === null"
    )


async def three_tabs_and_another_device(stage: Stage) -> tuple[list[Recording], Recording]:
    laptop, phone = await stage.device(), await stage.device()
    tabs = [await laptop.tab(), await laptop.tab(), await laptop.tab()]
    elsewhere = await phone.tab()
    await tabs[0].sign_up("Ada")
    await elsewhere.sign_in("Ada")
    for tab in (*tabs, elsewhere):
        await tab.shows_user("Ada")
        await tab.until("devices.data.length === 2")
    return tabs, elsewhere


async def test_signing_out_in_one_tab_shows_in_all_tabs_of_the_browser_and_nowhere_else(
    stage: Stage,
) -> None:
    tabs, elsewhere = await three_tabs_and_another_device(stage)
    await tabs[1].done("signOut")
    for tab in tabs:
        await ended(tab, "signed_out")
    await elsewhere.until("devices.data.length === 1")
    await elsewhere.shows_user("Ada")
    never_signed_out(await elsewhere.moments())


async def test_a_revoked_device_says_why_at_once_and_does_not_reconnect(stage: Stage) -> None:
    tabs, elsewhere = await three_tabs_and_another_device(stage)
    handshakes = stage.site.handshakes
    opened = [len(tab.sockets) for tab in tabs]
    [other] = [each for each in (await elsewhere.shown())["devices"]["data"] if not each["current"]]
    await elsewhere.done("revokeSession", {"token": other["id"]})
    for tab in tabs:
        await ended(tab, "revoked")
    await stage.rename("Ada Lovelace")
    await elsewhere.shows_user("Ada Lovelace")
    for tab in tabs:
        await tab.page.evaluate("() => dispatchEvent(new Event('online'))")  # not even then
        await ended(tab, "revoked")
    assert [len(tab.sockets) for tab in tabs] == opened
    assert stage.site.handshakes == handshakes
    never_signed_out(await elsewhere.moments())


async def test_signing_in_again_shows_the_new_user_and_never_the_old_one(stage: Stage) -> None:
    device = await stage.device()
    tab, other = await device.tab(), await device.tab()
    await tab.sign_up("Ada")
    await other.shows_user("Ada")
    await tab.done("signOut")
    await ended(other, "signed_out")
    since = {each.page: len(await each.moments()) for each in (tab, other)}
    await tab.sign_up("Grace")
    await other.shows_user("Grace")
    for each in (tab, other):
        moments = (await each.moments())[since[each.page] :]
        shown = {
            moment["session"]["data"]["user"]["name"]
            for moment in moments
            if moment["session"]["data"]
        }
        assert shown == {"Grace"}
    assert len(tab.sockets) == 4  # of a visitor, of Ada, of a visitor, of Grace


async def test_signing_in_as_somebody_else_replaces_the_user_in_all_tabs_in_one_step(
    stage: Stage,
) -> None:
    device = await stage.device()
    tab, other = await device.tab(), await device.tab()
    await tab.sign_up("Ada")
    await other.shows_user("Ada")
    await tab.sign_up("Grace")
    await other.shows_user("Grace")
    for each in (tab, other):  # every single moment is judged for a mixture at the end, too
        never_signed_out(await each.moments())
    assert len(tab.sockets) == 3


async def test_a_new_password_ends_the_other_device_and_keeps_this_one(stage: Stage) -> None:
    tabs, elsewhere = await three_tabs_and_another_device(stage)
    await tabs[0].done(
        "changePassword",
        {
            "currentPassword": "correct horse battery",
            "newPassword": "a longer horse battery",
            "revokeOtherSessions": True,
        },
    )
    await ended(elsewhere, "password_changed")
    for tab in tabs:
        await tab.until("devices.data?.length === 1")
        await tab.shows_user("Ada")
    never_signed_out(await tabs[0].moments())


async def test_a_deleted_user_is_told_in_every_tab(stage: Stage) -> None:
    tabs, elsewhere = await three_tabs_and_another_device(stage)
    await stage.write("user", "delete_one", {"email": "ada@example.com"})
    for tab in (*tabs, elsewhere):
        await ended(tab, "deleted")
