"""Signing up and in by the pages, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from support.browser import PASSWORD

if TYPE_CHECKING:
    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser


async def fill(tab: Tab, **values: str) -> None:
    """Fill the page's form in and send it."""
    for name, value in values.items():
        await tab.page.locator(f"#{name}").fill(value)
    await (
        tab.named("form")
        .get_by_role("button", name="Sign in")
        .or_(tab.named("form").get_by_role("button", name="Create account"))
        .click()
    )


async def test_signing_up_ends_on_the_dashboard(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.page.goto(f"{tab.address}/sign-in")
    await tab.page.get_by_role("link", name="Create an account").click()
    await expect(tab.page.locator("#name")).to_be_focused()
    await fill(tab, name="Ada", email="ada@example.com", password=PASSWORD)
    await tab.shows_user("Ada")
    await expect(tab.organization).to_have_text("Ada's workspace")
    assert tab.page.url == f"{tab.address}/"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_signing_in_goes_to_the_page_that_was_asked_for(
    devices: Devices, server: Running, scripts: bool
) -> None:
    await server.sign_up("Ada")
    tab = await devices.tab(java_script_enabled=scripts)
    await tab.page.goto(f"{tab.address}/sign-in?redirect=%2F%3Fpage%3D2")
    with tab.outage():  # the browser says each 401 in its console
        await fill(tab, email="ada@example.com", password="not-the-password")
        fault = tab.named("fault")
        await expect(fault).to_have_text("This email address and password do not match.")
        await expect(fault).to_be_focused()
    await expect(tab.page.locator("#email")).to_have_value("ada@example.com")
    await expect(tab.page.locator("#password")).to_have_value("")
    await fill(tab, password=PASSWORD)
    await tab.page.wait_for_url(f"{tab.address}/?page=2")
    if scripts:
        await tab.shows_user("Ada")
    await tab.page.goto(f"{tab.address}/sign-in")
    assert tab.page.url == f"{tab.address}/"


async def test_a_fault_leads_to_its_field(devices: Devices, server: Running) -> None:
    await server.sign_up("Ada")
    tab = await devices.tab()
    await tab.page.goto(f"{tab.address}/sign-up")
    with tab.outage():
        await fill(tab, name="Ada", email="ada@example.com", password=PASSWORD)
        await expect(tab.named("fault")).to_be_focused()
    await tab.page.keyboard.press("Tab")
    await tab.page.keyboard.press("Enter")
    email = tab.page.locator("#email")
    await expect(email).to_be_focused()
    await expect(email).to_have_accessible_description(
        "There is an account with this address already. Sign in, or use another address."
    )


async def test_a_password_is_shown_on_request_and_sent_as_a_password(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.page.goto(f"{tab.address}/sign-up")
    password = tab.page.locator("#password")
    show = tab.page.get_by_role("button", name="Show Password")
    await password.fill("correct horse")
    await show.click()
    await expect(password).to_have_attribute("type", "text")
    await expect(show).to_have_attribute("aria-pressed", "true")
    await show.click()
    await expect(password).to_have_attribute("type", "password")


async def test_signing_out_by_the_page_needs_its_button(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await tab.page.goto(f"{tab.address}/sign-out")
    await tab.page.get_by_role("button", name="Sign out").click()
    await expect(tab.page.get_by_role("status")).to_have_text("You have signed out.")
    await tab.open()
    await expect(tab.named("sign-in-form")).to_be_visible()


async def test_the_demo_leads_to_the_pages(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.open()
    await tab.page.get_by_role("link", name="Forgot password?").click()
    await expect(tab.page.get_by_role("heading")).to_have_text("Forgot your password?")
