"""The demo without a mouse, and for assistive technology."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from support.browser import Devices, Tab

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "client_js" / "node_modules" / "axe-core" / "axe.min.js"
FIND = """async () => {
  const { violations } = await axe.run();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => {
    return `${id}: ${html}: ${failureSummary}`;
  }));
}"""


async def test_the_switcher_is_used_with_the_keyboard_alone(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await tab.create_organization("Analytical Engines")
    await tab.page.reload()
    await tab.shows_user("Ada")
    press, switcher = tab.page.keyboard.press, tab.named("organization-switcher")
    options = tab.named("organization-option")

    await press("Tab")
    await expect(switcher).to_be_focused()
    await press("Enter")
    await expect(switcher).to_have_attribute("aria-expanded", "true")
    await press("Tab")
    await expect(options.nth(0)).to_be_focused()
    await press("Tab")
    await expect(options.nth(1)).to_be_focused()
    await press("Escape")
    await expect(switcher).to_be_focused()
    await expect(options.nth(0)).to_be_hidden()
    await press("Enter")
    await press("Tab")
    await expect(options.nth(0)).to_contain_text("Ada's workspace")
    await press("Enter")
    await expect(tab.organization).to_have_text("Ada's workspace")
    await expect(options.nth(0)).to_be_hidden()
    await expect(switcher).to_be_focused()


async def test_a_menu_that_is_left_closes(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await tab.named("organization-switcher").focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.named("organizations")).to_be_visible()
    for _ in ("its organization", "New organization", "Sign out"):
        await tab.page.keyboard.press("Tab")
    await expect(tab.named("sign-out")).to_be_focused()
    await expect(tab.named("organizations")).to_be_hidden()


async def complaints(tab: Tab) -> list[str]:
    found: list[str] = await tab.page.evaluate(FIND)
    return found


@pytest.mark.skipif(not AXE.exists(), reason="needs `npm install` in client_js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(devices: Devices, scheme: Literal["light", "dark"]) -> None:
    tab = await devices.tab(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce")
    await tab.open()
    await expect(tab.named("sign-in-form")).to_be_visible()
    await tab.page.add_script_tag(path=AXE)
    assert await complaints(tab) == []
    await tab.named("tab-sign-up").click()
    await tab.named("sign-up-submit").click()
    await expect(tab.named("sign-up-error")).to_be_visible()
    assert await complaints(tab) == []

    await tab.sign_up("Ada")
    await tab.page.add_script_tag(path=AXE)
    assert await complaints(tab) == []
    await tab.create_organization("Analytical Engines")
    await tab.named("organization-switcher").click()
    await tab.named("new-organization").click()
    await tab.named("frames").locator("summary").first.click()
    await tab.named("current-password").fill("wrong")
    assert await complaints(tab) == []
