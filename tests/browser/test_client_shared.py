"""`shared: true`: one WebSocket for all tabs of the browser, which outlives each of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from browser.client_pages.plain import open_plain_context
from browser.client_pages.recording import RETURNS_WITHIN, judged, never_signed_out
from browser.client_pages.stage import open_stage
from support.process import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Request

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


async def three_tabs(device: Device) -> list[Recording]:
    """Ada's; the first one is the leader."""
    first = await device.tab(shared=True)
    await first.sign_up("Ada")
    tabs = [first, await device.tab(shared=True), await device.tab(shared=True)]
    for tab in tabs:
        await tab.shows_user("Ada")
    return tabs


async def follow(stage: Stage, tabs: list[Recording], name: str) -> None:
    """They show a write by another program, with one connection for all of them."""
    await stage.rename(name)
    for tab in tabs:
        await tab.shows_user(name, within=RETURNS_WITHIN)
        never_signed_out(await tab.moments())
    await eventually(lambda: stage.connections == 1)


async def test_a_tab_alone_makes_one_connection(stage: Stage, laptop: Device) -> None:
    await laptop.tab(shared=True)
    await eventually(lambda: stage.connections == 1)
    assert stage.site.handshakes == 1


async def test_three_tabs_have_one_websocket(stage: Stage, laptop: Device) -> None:
    tabs = await three_tabs(laptop)
    await follow(stage, tabs, "Ada Lovelace")
    assert [bool(tab.sockets) for tab in tabs] == [True, False, False]
    await tabs[2].done("updateUser", {"name": "The Countess"})
    for tab in tabs:
        await tab.shows_user("The Countess")
    assert stage.connections == 1


async def test_a_leader_that_is_closed_hands_over(stage: Stage, laptop: Device) -> None:
    tabs = await three_tabs(laptop)
    await tabs[0].end()
    await follow(stage, tabs[1:], "Ada Lovelace")
    [next_leader] = [tab for tab in tabs[1:] if tab.sockets]
    await next_leader.end()
    await follow(stage, [tab for tab in tabs[1:] if tab is not next_leader], "The Countess")


async def test_a_leader_that_is_frozen_hands_over_and_awake_it_follows(
    stage: Stage, laptop: Device
) -> None:
    tabs = await three_tabs(laptop)
    tools = await laptop.context.new_cdp_session(tabs[0].page)
    await tools.send("Page.setWebLifecycleState", {"state": "frozen"})
    await tabs[0].page.wait_for_function("() => life.includes('freeze')", polling=20)
    await follow(stage, tabs[1:], "Ada Lovelace")
    await tools.send("Page.setWebLifecycleState", {"state": "active"})
    await follow(stage, tabs, "The Countess")


@pytest.mark.slow
async def test_a_leader_that_hangs_is_replaced(stage: Stage, laptop: Device) -> None:
    tabs = await three_tabs(laptop)
    tools = await laptop.context.new_cdp_session(tabs[0].page)
    is_paused = asyncio.Event()
    tools.on("Debugger.paused", lambda _: is_paused.set())
    await tools.send("Debugger.enable")
    hanging = asyncio.ensure_future(tabs[0].page.evaluate("() => { debugger; }"))
    await asyncio.wait_for(is_paused.wait(), 10)  # it says nothing to anybody
    await stage.rename("Ada Lovelace")
    for tab in tabs[1:]:
        await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    assert not hanging.done()
    await tools.send("Debugger.resume")
    await hanging
    await follow(stage, tabs, "The Countess")


async def test_signing_out_in_one_tab_shows_in_all_and_the_next_user_as_well(
    stage: Stage, laptop: Device
) -> None:
    tabs = await three_tabs(laptop)
    await tabs[1].done("signOut")
    for tab in tabs:
        await tab.until("session.data === null && session.reason === 'signed_out'")
    await tabs[2].sign_up("Grace")
    for tab in tabs:
        await tab.shows_user("Grace")
    await eventually(lambda: stage.connections == 1)


async def test_a_revoked_browser_says_why_in_every_tab_and_does_not_reconnect(
    stage: Stage, laptop: Device
) -> None:
    tabs = await three_tabs(laptop)
    handshakes = stage.site.handshakes
    await stage.write("session", "delete_many", {})
    for tab in tabs:
        await tab.until("session.data === null && session.reason === 'revoked'")
        await tab.page.evaluate("() => dispatchEvent(new Event('online'))")
    await eventually(lambda: stage.connections == 0)
    assert stage.site.handshakes == handshakes


async def test_each_tab_has_its_own_pin(stage: Stage, laptop: Device) -> None:
    tabs = await three_tabs(laptop)
    ids = [
        (await tabs[0].done("organization.create", {"name": name, "slug": name.lower()}))["id"]
        for name in ("Engines", "Looms")
    ]
    for tab, id in zip(tabs[1:], ids, strict=True):
        await tab.pin(id)
    await tabs[0].done("organization.setActive", {"organizationId": ids[0]})
    await follow(stage, tabs, "Ada Lovelace")
    shown = [(await tab.shown())["session"]["data"]["organization"]["id"] for tab in tabs]
    assert shown == [ids[0], *ids]


def polls_of(tabs: list[Recording]) -> list[list[Request]]:
    """For each tab, fills with the polls that it makes from now on."""

    def watch(tab: Recording) -> list[Request]:
        polls: list[Request] = []
        tab.page.on(
            "request",
            lambda request: polls.append(request) if request.url.endswith("/live/poll") else None,
        )
        return polls

    return [watch(tab) for tab in tabs]


async def test_where_websockets_are_blocked_one_tab_polls_for_all_until_one_opens(
    stage: Stage, laptop: Device
) -> None:
    stage.site.refuses_websockets = True
    tabs = await three_tabs(laptop)

    async def shows(name: str) -> list[Recording]:
        """All show it; those who polled for that."""
        polls = polls_of(tabs)
        await stage.rename(name)
        for tab in tabs:
            await tab.shows_user(name, within=RETURNS_WITHIN)
        return [tab for tab, made in zip(tabs, polls, strict=True) if made]

    [leader] = await shows("Ada L.")
    await leader.end()
    tabs.remove(leader)
    await shows("Ada King")  # the next one has found out that it has to poll
    [_] = await shows("Ada Byron")

    stage.site.refuses_websockets = False
    await tabs[0].page.evaluate("() => dispatchEvent(new Event('online'))")
    await eventually(lambda: stage.connections == 1)
    await shows("Lady Lovelace")
    assert await shows("The Countess") == []
    for tab in tabs:
        never_signed_out(await tab.moments())
