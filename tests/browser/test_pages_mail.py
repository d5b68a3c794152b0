"""What begins with a link in a mail: a new password, a confirmed address, an invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from support.browser import PASSWORD

if TYPE_CHECKING:
    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser

NEW = "marble lantern otter"


async def follow(tab: Tab, subject: str) -> None:
    """The link of the newest mail of this subject, in the mailbox page."""
    mail = tab.named("mail").filter(has_text=subject).first
    while not await mail.is_visible():
        await tab.page.goto(f"{tab.address}/mailbox")
    await mail.get_by_test_id("mail-link").click()


async def press(tab: Tab, name: str) -> None:
    await tab.page.get_by_role("button", name=name, exact=True).click()


async def shows_heading(tab: Tab, text: str) -> None:
    await expect(tab.page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_forgotten_password_is_replaced(
    devices: Devices, server: Running, scripts: bool
) -> None:
    await server.sign_up("Ada")
    tab = await devices.tab(java_script_enabled=scripts)
    await tab.page.goto(f"{tab.address}/sign-in")
    await tab.page.get_by_role("link", name="Forgot password?").click()
    await tab.page.locator("#email").fill("ada@example.com")
    await press(tab, "Send the link")
    await shows_heading(tab, "Look into your mail")

    await follow(tab, "Set a new password")
    await shows_heading(tab, "Set a new password")
    await tab.page.locator("#password").fill(NEW)
    await tab.page.locator("#again").fill(NEW)
    await press(tab, "Set the password")
    await expect(tab.page.get_by_role("status")).to_contain_text("Your password is changed.")
    await tab.page.locator("#email").fill("ada@example.com")
    await tab.page.locator("#password").fill(NEW)
    await press(tab, "Sign in")
    await tab.page.wait_for_url(f"{tab.address}/")

    with tab.outage():  # the link is used up, which is a 400
        await follow(tab, "Set a new password")
        await shows_heading(tab, "This link is not valid any more")


async def test_an_address_is_confirmed(devices: Devices, server: Running) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await tab.page.goto(f"{tab.address}/verify-email")
    await press(tab, "Send a new link")
    await shows_heading(tab, "Look into your mail")
    await follow(tab, "Confirm your e-mail address")
    await shows_heading(tab, "Confirm your email address")
    await press(tab, "Confirm my address")
    await shows_heading(tab, "Your address is confirmed")
    await tab.page.goto(f"{tab.address}/verify-email")
    await expect(tab.page.locator("main")).to_contain_text("ada@example.com is known to be yours.")


async def test_an_invitation_brings_somebody_in(devices: Devices) -> None:
    ada, grace = await devices.tab(), await devices.tab()
    await ada.sign_up("Ada")
    await ada.create_organization("Analytical Engines")
    sent = await ada.page.request.post(
        f"{ada.address}/api/auth/organization/invite-member",
        data={"email": "grace@example.com", "role": "member"},
        headers={"origin": ada.address},
    )
    assert sent.ok, await sent.text()

    await follow(grace, "Join “Analytical Engines”")
    await shows_heading(grace, "You are invited")
    await grace.page.get_by_role("link", name="Create an account").click()
    await grace.page.locator("#name").fill("Grace")
    await grace.page.locator("#email").fill("grace@example.com")
    await grace.page.locator("#password").fill(PASSWORD)
    await press(grace, "Create account")
    await shows_heading(grace, "Join Analytical Engines")
    await expect(grace.named("role")).to_have_text("member")
    with ada.outage():  # a 403
        await ada.page.goto(grace.page.url)
        await shows_heading(ada, "This invitation is for another account")
    await ada.open()
    await expect(ada.named("member")).to_have_count(1)

    await press(grace, "Accept")
    await grace.shows_user("Grace")
    await expect(grace.organization).to_have_text("Analytical Engines")
    await expect(grace.named("role")).to_have_text("member")
    await expect(ada.named("member")).to_have_count(2)
