"""Signing in with another provider, by the pages, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.async_api import expect
from starlette.responses import RedirectResponse

from oidc.forger import Forger, forging
from sessionwire.policy.providers import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sessionwire.settings import Settings
    from support.browser import Devices, Tab

pytestmark = pytest.mark.browser


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    async with forging() as forger:
        yield forger


@pytest.fixture
def settings(settings: Settings, forger: Forger) -> Settings:
    acme = Provider.model_validate({**forger.provider, "name": "Acme"})
    return settings.model_copy(update={"oidc": {"acme": acme}})


def let_in(forger: Forger, **outcome: str) -> None:
    """Send everybody on to another host first, as providers do, and then back to us."""

    async def authorize(request: Request) -> RedirectResponse:
        elsewhere = forger.address.replace("127.0.0.1", "localhost")
        return RedirectResponse(f"{elsewhere}/login?{request.url.query}")

    async def login(request: Request) -> RedirectResponse:
        asked = request.query_params
        claims = {"email": "ada@example.com", "email_verified": True, "name": "Ada"}
        forger.hand_out(forger.sign(forger.claims(nonce=asked["nonce"], **claims)))
        given = outcome or {"code": "a-code-of-these-tests"}
        query = urlencode({"state": asked["state"], **given})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}")

    forger.answers = {"/authorize": authorize, "/login": login}


async def choose_acme(tab: Tab) -> None:
    await tab.page.goto(f"{tab.address}/sign-in?redirect=%2F%3Fpage%3D2")
    await tab.page.get_by_role("button", name="Continue with Acme").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_provider_signs_somebody_up_and_in(
    devices: Devices, forger: Forger, scripts: bool
) -> None:
    let_in(forger)
    tab = await devices.tab(java_script_enabled=scripts)
    await choose_acme(tab)
    await tab.page.wait_for_url(f"{tab.address}/?page=2")
    answer = await tab.page.request.get(f"{tab.address}/api/auth/get-session")
    assert (await answer.json())["user"]["email"] == "ada@example.com"
    await tab.page.go_back()
    await tab.page.wait_for_url(f"{tab.address}/?page=2")  # /sign-in, which sends people on


async def test_who_changes_their_mind_is_back_on_the_sign_in_page(
    devices: Devices, forger: Forger
) -> None:
    let_in(forger, error="access_denied", error_description="call +1 555 0100")
    tab = await devices.tab()
    await choose_acme(tab)
    await expect(tab.named("fault")).to_contain_text("Sign-in was cancelled.")
    await expect(tab.page.locator("body")).not_to_contain_text("555")
    await expect(tab.page.get_by_role("button", name="Continue with Acme")).to_be_visible()
    assert "redirect=%2F%3Fpage%3D2" in tab.page.url


async def test_a_provider_that_is_down_is_no_dead_end(devices: Devices, forger: Forger) -> None:
    async def gone(request: Request) -> RedirectResponse:
        return RedirectResponse("/nowhere")

    forger.answers = {"/.well-known/openid-configuration": gone}
    tab = await devices.tab()
    with tab.outage():  # a 503
        await choose_acme(tab)
        await expect(tab.named("fault")).to_contain_text("This provider does not answer just now.")
    await expect(tab.page.locator("#email")).to_be_visible()
