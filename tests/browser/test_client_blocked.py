"""A network that lets no WebSocket through: the tab says so, and is current by long-polling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.client_pages.recording import RETURNS_WITHIN, never_signed_out
from browser.client_pages.stage import open_stage
from support.process import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Request, WebSocketRoute

    from browser.client_pages.recording import Device, Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser

NETWORK_IS_BACK = "() => dispatchEvent(new Event('online'))"


@pytest.fixture
async def stage(chromium: Browser, settings: Settings, store: Store) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings) as stage:
        yield stage


@pytest.fixture
async def polling(stage: Stage) -> None:
    """Skips the test where the server has no long-polling."""
    device = await stage.device()
    answer = await device.context.request.post(f"{stage.address}/live/poll")
    if answer.status == 404:
        pytest.skip("the server has no POST /live/poll")


async def signed_in(device: Device) -> Recording:
    """A tab of Ada's that cannot wait for the wire."""
    tab = await device.open()
    body = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}
    await tab.done("signUp.email", body)
    return tab


def polls_of(tab: Recording) -> list[Request]:
    """Fills with the polls that the tab makes from now on."""
    polls: list[Request] = []

    def note(request: Request) -> None:
        if request.url.endswith("/live/poll"):
            polls.append(request)

    tab.page.on("request", note)
    return polls


@pytest.mark.usefixtures("polling")
async def test_where_websockets_are_refused_a_tab_is_current_by_polling(stage: Stage) -> None:
    stage.site.refuses_websockets = True
    tab = await signed_in(await stage.device())
    await tab.shows_user("Ada", within=RETURNS_WITHIN)
    polls = polls_of(tab)
    for name in ("Ada L.", "Ada Lovelace"):
        await stage.rename(name)
        await tab.shows_user(name)
    await tab.done("updateUser", {"name": "The Countess"})
    assert (await tab.shown())["session"]["data"]["user"]["name"] == "The Countess"
    assert stage.site.handshakes == 0
    assert len(polls) < 20, "a storm of polls"


@pytest.mark.usefixtures("polling")
async def test_a_polling_tab_shows_at_once_why_its_session_ended(stage: Stage) -> None:
    stage.site.refuses_websockets = True
    tab = await signed_in(await stage.device())
    await tab.shows_user("Ada", within=RETURNS_WITHIN)
    polls = polls_of(tab)
    await stage.write("session", "delete_many", {})
    await tab.until("session.data === null && session.reason === 'revoked'")
    assert len(polls) <= 1


@pytest.mark.usefixtures("polling")
async def test_a_polling_tab_goes_back_to_a_websocket_when_one_opens(stage: Stage) -> None:
    stage.site.refuses_websockets = True
    tab = await signed_in(await stage.device())
    await tab.shows_user("Ada", within=RETURNS_WITHIN)
    stage.site.refuses_websockets = False
    await tab.page.evaluate(NETWORK_IS_BACK)
    await eventually(lambda: stage.site.connections == 1)
    await tab.shows_user("Ada")
    polls = polls_of(tab)
    for name in ("Ada L.", "Ada Lovelace"):
        await stage.rename(name)
        await tab.shows_user(name)
    assert polls == []
    never_signed_out(await tab.moments())


@pytest.mark.slow
async def test_where_nothing_comes_through_a_tab_stays_pending_and_says_nobody_is_signed_out(
    stage: Stage,
) -> None:
    device = await stage.device()
    await device.context.route("**/live/poll", lambda route: route.abort())
    stage.site.refuses_websockets = True
    tab = await signed_in(device)
    await tab.page.wait_for_function("() => performance.now() > 3_000")
    shown = (await tab.shown())["session"]
    assert shown["isPending"]
    assert shown["status"] == "connecting"
    assert 2 <= len(tab.sockets) < 20, "it gave up, or stormed"
    stage.site.refuses_websockets = False
    await tab.shows_user("Ada", within=RETURNS_WITHIN)
    sessions = [moment["session"] for moment in await tab.moments()]
    assert all(session["isPending"] or session["data"] for session in sessions)


async def test_a_captive_portal_is_no_sign_out_and_no_storm_and_is_left_by_itself(
    stage: Stage,
) -> None:
    tab = await (await stage.device()).tab()
    await tab.sign_up("Ada")
    stage.site.capture()
    assert stage.site.captured is not None
    keeps_showing = "session.status === 'stale' && session.data?.user.name === 'Ada'"
    await tab.until(keeps_showing)
    for path, body in (("updateUser", {"name": "Nobody"}), ("signOut", None)):
        outcome = await tab.call(path, body)
        assert outcome["error"]["code"] == "INVALID_RESPONSE"
        await tab.until(keeps_showing)
    await tab.page.evaluate(NETWORK_IS_BACK)  # as far as the system can tell
    started = await tab.page.evaluate("() => performance.now()")
    await tab.page.wait_for_function(
        "(started) => performance.now() > started + 3_000", arg=started
    )
    assert 4 <= stage.site.captured < 40, "it gave up, or stormed"
    await tab.until(keeps_showing)
    stage.site.captured = None
    await stage.rename("Ada Lovelace")
    await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    never_signed_out(await tab.moments())


@pytest.mark.usefixtures("polling")
async def test_a_tab_that_moves_to_a_network_without_websockets_goes_on_by_polling(
    stage: Stage,
) -> None:
    tab = await (await stage.device()).tab()
    await tab.sign_up("Ada")
    stage.site.refuses_websockets = True
    await tab.page.evaluate("() => dispatchEvent(new Event('pagehide'))")  # it lets go of its own
    await tab.page.evaluate(NETWORK_IS_BACK)
    await stage.rename("Ada Lovelace")
    await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    assert stage.connections == 0
    never_signed_out(await tab.moments())


async def test_a_client_of_which_a_part_cannot_be_loaded_shows_what_is_true_and_calls_fail(
    stage: Stage,
) -> None:
    device = await stage.device()
    first = await device.tab()
    await first.sign_up("Ada")
    mine = (await first.shown())["session"]["data"]["organization"]["id"]
    await device.context.route("**/client/after.js", lambda route: route.abort())
    tab = await device.tab()
    await tab.pin(mine)
    outcome = await tab.call("updateUser", {"name": "Nobody"})
    assert outcome["error"]["code"] == "NETWORK_ERROR"
    await stage.rename("Ada Lovelace")
    await tab.shows_user("Ada Lovelace")
    await stage.write("session", "delete_many", {})
    await tab.until("session.data === null && session.reason === 'revoked'")
    await device.context.unroute("**/client/after.js")
    await tab.sign_in("Ada")  # what is missing is loaded when it is asked for again
    await tab.shows_user("Ada Lovelace")


async def test_sockets_that_close_as_soon_as_they_open_are_no_sign_out_and_no_storm(
    stage: Stage,
) -> None:
    device = await stage.device()
    is_blocked, closed = False, 0

    async def route(socket: WebSocketRoute) -> None:
        nonlocal closed
        if not is_blocked:
            socket.connect_to_server()
            return
        closed += 1
        await socket.close()

    await device.context.route_web_socket("**/live", route)
    await device.context.route("**/live/poll", lambda route: route.abort())
    tab = await device.tab()
    await tab.sign_up("Ada")
    is_blocked = True
    await tab.page.evaluate("() => dispatchEvent(new Event('pagehide'))")  # it lets go of its own
    await tab.until("session.status === 'stale' && session.data.user.name === 'Ada'")
    await tab.page.evaluate(NETWORK_IS_BACK)
    await eventually(lambda: closed >= 5)
    started = await tab.page.evaluate("() => performance.now()")
    await tab.page.wait_for_function(
        "(started) => performance.now() > started + 3_000", arg=started
    )
    assert closed < 20, "a storm of connections"
    is_blocked = False
    await tab.page.evaluate(NETWORK_IS_BACK)
    await stage.rename("Ada Lovelace")
    await tab.shows_user("Ada Lovelace", within=RETURNS_WITHIN)
    never_signed_out(await tab.moments())
