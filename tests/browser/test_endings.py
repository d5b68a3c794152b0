"""A session that ends, or a membership: the page says so at once, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from support.browser import PASSWORD

if TYPE_CHECKING:
    from support.browser import Devices
    from support.server import Running

pytestmark = pytest.mark.browser


async def test_a_device_signed_out_from_another_says_why(devices: Devices) -> None:
    one, other = await devices.tab(), await devices.tab()
    await one.sign_up("Ada")
    await other.sign_in("Ada")
    await expect(one.named("device")).to_have_count(2)
    await one.named("devices").get_by_role("button").click()
    await other.shows_reason("This device was signed out from elsewhere.")
    await expect(one.named("device")).to_have_count(1)
    await one.shows_user("Ada")


async def test_a_password_changed_elsewhere_says_so(devices: Devices) -> None:
    one, other = await devices.tab(), await devices.tab()
    await one.sign_up("Ada")
    await other.sign_in("Ada")
    await one.named("current-password").fill(PASSWORD)
    await one.named("new-password").fill("a longer horse battery")
    await one.named("password-save").click()
    await other.shows_reason(
        "Your password was changed on another device. Please sign in with the new one."
    )
    await expect(one.named("password-hint")).to_have_text("Your password is changed.")
    await one.shows_user("Ada")
    await other.sign_in("Ada", password="a longer horse battery")
    await expect(other.reason).to_be_hidden()


async def test_signing_out_says_so_and_the_next_user_sees_nothing_of_it(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await tab.named("profile-name").fill("half an edit")
    await tab.named("sign-out").click()
    await tab.shows_reason("You have signed out.")
    await tab.sign_up("Grace")
    await expect(tab.named("profile-name")).to_have_value("Grace")
    await expect(tab.named("member").locator(".name")).to_have_text("Grace (you)")
    await expect(tab.page.get_by_text("Ada", exact=True)).to_have_count(0)


async def test_a_deleted_user_is_told(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await devices.write("user", "delete_one", {"email": "ada@example.com"})
    await tab.shows_reason("This account no longer exists.")


async def test_a_removed_member_loses_the_organization_at_once(
    devices: Devices, server: Running
) -> None:
    owner, member = await devices.tab(), await devices.tab()
    await owner.sign_up("Ada")
    await owner.create_organization("Analytical Engines")
    await member.sign_up("Grace")
    await join(devices, server, "Ada", "Grace")
    await member.switch_to("Analytical Engines")
    await expect(member.named("role")).to_have_text("member")
    await expect(owner.named("member")).to_have_count(2)

    await owner.named("member").filter(has_text="Grace").get_by_test_id("member-remove").click()
    await expect(member.organization).not_to_have_text("Analytical Engines")
    await expect(member.named("organization-option")).to_have_count(1)
    await expect(member.named("org-name")).not_to_have_text("Analytical Engines")
    await expect(owner.named("member")).to_have_count(1)
    await expect(member.light).to_have_text("Live")


async def join(devices: Devices, server: Running, owner: str, name: str) -> None:
    """Another program makes the user a member of the owner's active organization."""
    http, joining = await server.sign_in(owner), await server.sign_in(name)
    organization = (await http.get("/api/auth/organization/get-full-organization")).json()
    user = (await joining.get("/api/auth/get-session")).json()["user"]
    document = {
        "organizationId": {"$oid": organization["id"]},
        "userId": {"$oid": user["id"]},
        "role": "member",
        "createdAt": datetime.now(UTC),
    }
    await devices.write("member", "insert_one", document)
