"""The pictures of the documentation; `SESSIONWIRE_SCREENSHOTS=1` keeps them in docs/images."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LAPTOP = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
TEAM = {"Grace": ("Grace Hopper", "admin"), "Charles": ("Charles Babbage", "member")}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    if os.environ.get("SESSIONWIRE_SCREENSHOTS") != "1":
        return tmp_path
    IMAGES.mkdir(parents=True, exist_ok=True)
    return IMAGES


async def furnish(tab: Tab, devices: Devices, server: Running) -> None:
    """Ada with two devices, and a second organization with some members."""
    await tab.sign_up("Ada")
    await tab.named("profile-name").fill("Ada Lovelace")
    await tab.named("profile-save").click()
    await tab.create_organization("Analytical Engines")
    phone = server.http(headers={"user-agent": PHONE})
    async with phone:
        body = {"email": "ada@example.com", "password": "correct horse battery"}
        (await phone.post("/api/auth/sign-in/email", json=body)).raise_for_status()
        organization = (await phone.get("/api/auth/organization/get-full-organization")).json()
    for name, (full_name, role) in TEAM.items():
        http = await server.sign_up(name)
        await http.post("/api/auth/update-user", json={"name": full_name})
        user = (await http.get("/api/auth/get-session")).json()["user"]
        member = {
            "organizationId": {"$oid": organization["id"]},
            "userId": {"$oid": user["id"]},
            "role": role,
            "createdAt": datetime.now(UTC),
        }
        await devices.write("member", "insert_one", member)
    await expect(tab.named("member")).to_have_count(3)
    await expect(tab.named("device")).to_have_count(2)
    await tab.named("profile-name").blur()


async def take(tab: Tab, path: Path, *, full_page: bool = False) -> None:
    taken = await tab.page.screenshot(path=path, full_page=full_page, animations="disabled")
    assert len(taken) > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_demo_is_pictured(
    devices: Devices, server: Running, kept: Path, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    tab = await devices.tab(
        color_scheme=scheme,
        viewport={"width": 1280, "height": 900},
        device_scale_factor=2,
        user_agent=LAPTOP,
    )
    await furnish(tab, devices, server)
    await take(tab, kept / f"demo-{scheme}.png")
    await tab.page.set_viewport_size({"width": 390, "height": 844})
    await take(tab, tmp_path / f"phone-{scheme}.png", full_page=True)
