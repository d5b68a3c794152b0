"""Two devices of one user agree, whoever changes what: the pages, another program, another tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser


async def two(devices: Devices) -> tuple[Tab, Tab]:
    """Ada signs up on one device and signs in on another."""
    one, other = await devices.tab(), await devices.tab()
    await one.sign_up("Ada")
    await other.sign_in("Ada")
    return one, other


async def both_show(locators: list[Locator], text: str) -> None:
    for each in locators:
        await expect(each).to_have_text(text)


async def test_an_organization_made_on_one_device_shows_on_the_other(devices: Devices) -> None:
    one, other = await two(devices)
    await one.create_organization("Analytical Engines")
    await expect(other.organization).to_have_text("Analytical Engines")
    await expect(other.named("org-name")).to_have_text("Analytical Engines")
    await expect(other.named("role")).to_have_text("owner")


async def test_a_switch_in_the_menu_shows_on_the_other_device(devices: Devices) -> None:
    one, other = await two(devices)
    await one.create_organization("Analytical Engines")
    await expect(other.organization).to_have_text("Analytical Engines")
    await one.switch_to("Ada's workspace")
    await expect(other.organization).to_have_text("Ada's workspace")
    await other.switch_to("Analytical Engines")
    await expect(one.organization).to_have_text("Analytical Engines")


async def test_who_is_switched_from_elsewhere_is_told(devices: Devices) -> None:
    one, other = await two(devices)
    await one.create_organization("Analytical Engines")
    await expect(other.named("banner-moved")).to_have_text(
        "Switched elsewhere: you are now in Analytical Engines."
    )
    await expect(one.named("banner-moved")).to_be_hidden()
    await other.switch_to("Ada's workspace")
    await expect(one.named("banner-moved")).to_have_text(
        "Switched elsewhere: you are now in Ada's workspace."
    )
    await expect(other.named("banner-moved")).to_be_hidden()


async def test_a_switch_by_another_program_shows_on_both_devices(
    devices: Devices, server: Running
) -> None:
    one, other = await two(devices)
    http = await server.sign_in("Ada")
    personal = (await http.get("/api/auth/organization/list")).json()[0]
    await one.create_organization("Analytical Engines")
    await expect(other.organization).to_have_text("Analytical Engines")
    change = {"$set": {"activeOrganizationId": {"$oid": personal["id"]}}}
    await devices.write("user", "update_one", {"email": "ada@example.com"}, change)
    shown = [one.organization, other.organization, one.named("org-name"), other.named("org-name")]
    await both_show(shown, personal["name"])


async def test_a_name_changed_by_another_program_shows_on_both_devices(devices: Devices) -> None:
    one, other = await two(devices)
    change = {"$set": {"name": "Ada Lovelace"}}
    await devices.write("user", "update_one", {"email": "ada@example.com"}, change)
    await both_show([one.named("user-name"), other.named("user-name")], "Ada Lovelace")
    await both_show([one.named("member").locator(".name")], "Ada Lovelace (you)")
    await expect(other.named("profile-name")).to_have_value("Ada Lovelace")


async def test_the_second_panel_follows_with_a_connection_of_its_own(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.sign_up("Ada")
    await expect(tab.named("mirror-light")).to_have_text("Live")
    await tab.create_organization("Analytical Engines")
    await expect(tab.named("mirror-org-name")).to_have_text("Analytical Engines")
    await expect(tab.named("mirror-organizations")).to_contain_text("Analytical Engines (owner)")
    change = {"$set": {"name": "Ada Lovelace"}}
    await devices.write("user", "update_one", {"email": "ada@example.com"}, change)
    await expect(tab.named("mirror-session")).to_have_text("Ada Lovelace <ada@example.com>")
    version = await tab.named("version").get_attribute("title")
    assert version is not None
    await expect(tab.named("mirror-version")).to_have_attribute("title", version)


async def test_an_edit_under_way_is_not_overwritten(devices: Devices) -> None:
    one, other = await two(devices)
    await one.named("profile-name").fill("Augusta")
    await other.named("profile-name").fill("Ada King")
    await other.named("profile-save").click()
    await expect(one.named("user-name")).to_have_text("Ada King")
    await expect(one.named("profile-name")).to_have_value("Augusta")
    await expect(one.named("profile-hint")).to_have_text(
        "Changed elsewhere while you were editing."
    )


async def test_a_second_tab_of_the_device_is_signed_in_with_the_first(devices: Devices) -> None:
    tab = await devices.tab()
    await tab.open()
    page = await tab.page.context.new_page()
    await page.goto(tab.address)
    await expect(page.get_by_test_id("sign-in-form")).to_be_visible()
    await tab.sign_up("Ada")
    await expect(page.get_by_test_id("user-name")).to_have_text("Ada")
    await tab.named("sign-out").click()
    await tab.shows_reason("You have signed out.")
    await expect(page.get_by_test_id("sign-in-form")).to_be_visible()
