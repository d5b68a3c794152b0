"""The page after signing in, for somebody whose account is not set up yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from support.browser import Devices, Tab

pytestmark = pytest.mark.browser

WHO = {"email": "ada@example.com"}


async def unready(devices: Devices, **options: bool) -> Tab:
    """Ada, signed in, and set up by nobody."""
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await devices.write("user", "update_one", WHO, {"$unset": {"onboardedAt": ""}})
    if not options:
        return tab
    other = await devices.tab(**options)
    await other.page.context.add_cookies(await tab.page.context.cookies())  # type: ignore[arg-type]
    return other


async def set_up(devices: Devices) -> None:
    await devices.write("user", "update_one", WHO, {"$set": {"onboardedAt": datetime.now(UTC)}})


async def test_it_goes_on_as_soon_as_the_account_is_ready(devices: Devices) -> None:
    tab = await unready(devices)
    await tab.page.goto(f"{tab.address}/auth/after?redirect=%2F%3Fready")
    await expect(tab.named("steps")).to_contain_text("Your workspace")
    await expect(tab.named("trouble")).to_be_hidden()
    await set_up(devices)
    await tab.page.wait_for_url(f"{tab.address}/?ready")
    await tab.shows_user("Ada")


async def test_without_scripts_it_looks_again_by_itself(devices: Devices) -> None:
    tab = await unready(devices, java_script_enabled=False)
    await tab.page.goto(f"{tab.address}/auth/after?redirect=%2Fauth%2Ferror%3Ferror%3Dready")
    await tab.page.wait_for_url("**tries=1")
    await set_up(devices)
    await tab.page.wait_for_url(f"{tab.address}/auth/error?error=ready")


async def test_after_a_while_it_says_what_to_do_and_still_goes_on(devices: Devices) -> None:
    tab = await unready(devices)
    await tab.page.clock.install()
    await tab.page.goto(f"{tab.address}/auth/after?redirect=%2F%3Fready")
    await expect(tab.named("steps")).to_be_visible()
    await tab.page.clock.fast_forward(16_000)
    trouble = tab.named("trouble")
    await expect(trouble).to_be_visible()
    await expect(trouble).to_be_focused()
    await expect(tab.named("steps")).to_be_hidden()
    await expect(trouble.get_by_role("link", name="Try again")).to_be_visible()
    await expect(trouble.get_by_role("button", name="Sign out")).to_be_visible()
    await set_up(devices)
    await tab.page.wait_for_url(f"{tab.address}/?ready")


async def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(devices: Devices) -> None:
    tab = await unready(devices)
    await tab.page.goto(f"{tab.address}/auth/after?redirect=%2F%3Fready")
    await expect(tab.named("steps")).to_be_visible()
    await devices.write("session", "delete_many", {})
    await tab.page.wait_for_url(f"{tab.address}/sign-in?redirect=%2F%3Fready")
