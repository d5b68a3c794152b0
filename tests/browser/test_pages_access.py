"""The pages for assistive technology, on small screens, and in pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
AXE = ROOT / "client_js" / "node_modules" / "axe-core" / "axe.min.js"
IMAGES = ROOT / "docs" / "images"
FIND = """async () => {
  const { violations } = await axe.run();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => {
    return `${id}: ${html}: ${failureSummary}`;
  }));
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOR_VISITORS = [
    "/sign-in",
    "/sign-in?done=password",
    "/sign-in?error=access_denied",
    "/sign-up",
    "/sign-up?done=sent",
    "/sign-out",
    "/forgot-password",
    "/forgot-password?done=sent",
    "/reset-password?token=nothing",
    "/verify-email",
    "/verify-email?token=nothing",
    "/verify-email?done=confirmed",
    "/verify-email?error=INVALID_TOKEN",
    "/accept-invitation?id=nothing",
    "/accept-invitation?done=rejected",
    "/auth/error?error=state_mismatch",
]
PROVIDERS = {
    "google_client_id": "example",
    "google_client_secret": "example",
    "mail_from": "Analytical Engines <no-reply@example.com>",
}


@pytest.fixture
def settings(settings: Any) -> Any:
    """With a provider to choose."""
    changes = type(settings)(secret=settings.secret, **PROVIDERS)
    return settings.model_copy(update={name: getattr(changes, name) for name in PROVIDERS})


async def is_sound(tab: Tab) -> None:
    """No violation, and nothing wider than the screen."""
    await tab.page.add_script_tag(path=AXE)
    found: list[str] = await tab.page.evaluate(FIND)
    assert found == [], tab.page.url
    assert await tab.page.evaluate(OVERFLOW) == 0, tab.page.url


async def invited(ada: Tab) -> str:
    await ada.sign_up("Ada")
    await ada.create_organization("Analytical Engines")
    body = {"email": "grace@example.com", "role": "admin"}
    url = f"{ada.address}/api/auth/organization/invite-member"
    sent = await ada.page.request.post(url, data=body, headers={"origin": ada.address})
    id: str = (await sent.json())["id"]
    return f"/accept-invitation?id={id}"


@pytest.mark.skipif(not AXE.exists(), reason="needs `npm install` in client_js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_pages(
    devices: Devices, scheme: Literal["light", "dark"]
) -> None:
    options: dict[str, Any] = {
        "bypass_csp": True,
        "color_scheme": scheme,
        "reduced_motion": "reduce",
        "viewport": {"width": 320, "height": 640},
    }
    tab = await devices.tab(**options)
    with tab.outage():  # a bad link is a 400, which the browser says in its console
        for path in FOR_VISITORS:
            await tab.page.goto(f"{tab.address}{path}")
            await is_sound(tab)
        for path in ("/sign-in", "/sign-up"):
            await tab.page.goto(f"{tab.address}{path}")
            await tab.page.evaluate("for (const form of document.forms) form.noValidate = true")
            await tab.named("form").locator("button.primary").click()
            await expect(tab.named("fault")).to_be_focused()
            await is_sound(tab)

    ada = await devices.tab(**options)
    path = await invited(ada)
    with ada.outage():
        await ada.page.goto(f"{ada.address}{path}")
        await is_sound(ada)
    await ada.page.goto(f"{ada.address}/mailbox")
    await is_sound(ada)
    await tab.sign_up("Grace")
    await tab.page.goto(f"{tab.address}{path}")
    await expect(tab.named("form")).to_be_visible()
    await is_sound(tab)
    grace = {"email": "grace@example.com"}
    await devices.write("user", "update_one", grace, {"$unset": {"onboardedAt": ""}})
    with tab.outage():
        for query in ("", "?tries=9"):
            await tab.page.goto(f"{tab.address}/auth/after{query}")
            await is_sound(tab)


async def test_the_sign_in_page_is_used_with_the_keyboard_alone(
    devices: Devices, server: Running
) -> None:
    await server.sign_up("Ada")
    tab = await devices.tab()
    await tab.page.goto(f"{tab.address}/sign-in")
    type_, press = tab.page.keyboard.type, tab.page.keyboard.press
    await expect(tab.page.locator("#email")).to_be_focused()
    await type_("ada@example.com")
    await press("Tab")
    await expect(tab.page.get_by_role("link", name="Forgot password?")).to_be_focused()
    await press("Tab")
    await expect(tab.page.locator("#password")).to_be_focused()
    await type_("correct horse battery")
    await press("Enter")
    await tab.shows_user("Ada")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_sign_in_page_is_pictured(
    devices: Devices, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """`SESSIONWIRE_SCREENSHOTS=1` keeps the pictures in docs/images."""
    kept = IMAGES if os.environ.get("SESSIONWIRE_SCREENSHOTS") == "1" else tmp_path
    viewport = {"width": 1280, "height": 860}
    tab = await devices.tab(color_scheme=scheme, viewport=viewport, device_scale_factor=2)
    await tab.page.goto(f"{tab.address}/sign-in")
    await expect(tab.page.get_by_role("button", name="Continue with Google")).to_be_visible()
    path = kept / f"sign-in-{scheme}.png"
    assert len(await tab.page.screenshot(path=path, animations="disabled")) > 10_000
