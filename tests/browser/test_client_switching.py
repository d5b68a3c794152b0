"""Switching organizations in many tabs at once: no tab ever shows two of them side by side."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from bson import ObjectId

from browser.client_pages.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from playwright.async_api import Browser

    from browser.client_pages.recording import Moment, Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser

SWITCHES = 50
SWITCH = """async (organizationId) => {
  const { error } = await client.organization.setActive({ organizationId });
  const { session, organization } = shown();
  return { error, session: session.data.organization.id, organization: organization.data.id };
}"""


@pytest.fixture
async def stage(chromium: Browser, settings: Settings, store: Store) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings) as stage:
        yield stage


@dataclass
class Tenants:
    """Ada's organizations: her role in each, and the letter with which its name always begins."""

    roles: dict[str, str]
    letters: dict[str, str]

    @property
    def ids(self) -> list[str]:
        return list(self.roles)

    def judge(self, recordings: Iterable[list[Moment]]) -> None:
        """Id, name, role and scope of every session ever shown belong together."""
        scopes: dict[tuple[str, str, str], set[str]] = {}
        for moment in itertools.chain.from_iterable(recordings):
            session = moment["session"]["data"]
            if not session or not session["organization"]:
                continue
            organization, role = session["organization"], session["role"]
            assert organization["name"].startswith(self.letters[organization["id"]])
            assert role == self.roles[organization["id"]]
            of_whom = (session["user"]["id"], organization["id"], role)
            scopes.setdefault(of_whom, set()).add(session["scope"])
        assert all(len(each) == 1 for each in scopes.values()), scopes
        assert len(set().union(*scopes.values())) == len(scopes)


async def four_tabs(stage: Stage, store: Store) -> tuple[list[Recording], Tenants]:
    """Ada's, who owns one organization, and is admin of another and member of a third."""
    ada, grace = await stage.device(), await stage.device()
    tab, hers = await ada.tab(), await grace.tab()
    await tab.sign_up("Ada")
    await hers.sign_up("Grace")
    await tab.until("organizations.data?.length === 1")
    shown = await tab.shown()
    user, own = shown["session"]["data"]["user"], shown["organizations"]["data"][0]
    roles, letters = {own["id"]: "owner"}, {own["id"]: own["name"][0]}
    for letter, role in (("B", "admin"), ("C", "member")):
        body = {"name": f"{letter} 0", "slug": f"{letter.lower()}-0"}
        organization = await hers.done("organization.create", body)
        roles[organization["id"]], letters[organization["id"]] = role, letter
        membership = {
            "organizationId": ObjectId(organization["id"]),
            "userId": ObjectId(user["id"]),
            "role": role,
            "createdAt": datetime.now(UTC),
        }
        await store.client[stage.settings.database]["member"].insert_one(membership)
    tabs = [tab, await ada.tab(), await ada.tab(), await ada.tab()]
    for each in tabs:
        await each.until("organizations.data?.length === 3 && organization.data")
    return tabs, Tenants(roles, letters)


@contextlib.asynccontextmanager
async def names_changing(stage: Stage, store: Store, tenants: Tenants) -> AsyncIterator[None]:
    """Another program renames the organizations, one after the other, while the block runs."""
    collection = store.client[stage.settings.database]["organization"]

    async def rename() -> None:
        for number in itertools.count(1):
            for id, letter in tenants.letters.items():
                change = {"$set": {"name": f"{letter} {number}"}}
                await collection.update_one({"_id": ObjectId(id)}, change)
                await asyncio.sleep(0.01)  # the browser is to follow, not to be flooded

    renaming = asyncio.create_task(rename())
    try:
        yield
        assert not renaming.done()
    finally:
        renaming.cancel()
        await asyncio.wait([renaming])


async def end_equal(stage: Stage, tabs: list[Recording]) -> dict[str, Any]:
    """Wait until all show the last of all changes: then they show the same. What it is."""
    await stage.rename("The End")
    for tab in tabs:
        await tab.shows_user("The End")
    ends = [await tab.shown() for tab in tabs]
    data = [{name: end[name]["data"] for name in ("session", "organization")} for end in ends]
    assert data == [data[0]] * len(tabs)
    return data[0]


@pytest.mark.slow
async def test_fifty_switches_in_four_tabs_never_blend_two_organizations(
    stage: Stage, store: Store
) -> None:
    tabs, tenants = await four_tabs(stage, store)
    async with names_changing(stage, store, tenants):
        for number in range(SWITCHES):
            id = tenants.ids[number % 3]
            shown = await tabs[number % 4].page.evaluate(SWITCH, id)
            assert shown == {"error": None, "session": id, "organization": id}
    end = await end_equal(stage, tabs)
    assert end["session"]["organization"]["id"] == tenants.ids[(SWITCHES - 1) % 3]
    tenants.judge([await tab.moments() for tab in tabs])


@pytest.mark.slow
async def test_four_tabs_that_switch_at_once_end_equal(stage: Stage, store: Store) -> None:
    tabs, tenants = await four_tabs(stage, store)

    async def switch(tab: Recording, first: int) -> None:
        for number in range(first, SWITCHES, 4):
            outcome = await tab.call(
                "organization.setActive", {"organizationId": tenants.ids[number % 3]}
            )
            assert outcome["error"] is None, outcome

    async with names_changing(stage, store, tenants), asyncio.TaskGroup() as group:
        for first, tab in enumerate(tabs):
            group.create_task(switch(tab, first))
    await end_equal(stage, tabs)
    tenants.judge([await tab.moments() for tab in tabs])
    for tab in tabs:
        await tab.page.wait_for_function(
            "() => client.organization.switching.get().status !== 'switching'"
        )


async def test_pinned_tabs_stay_where_they_are_while_others_switch(
    stage: Stage, store: Store
) -> None:
    tabs, tenants = await four_tabs(stage, store)
    pinned = list(zip(tabs[2:], tenants.ids[1:], strict=True))
    since = []
    for tab, id in pinned:
        await tab.pin(id)
        since.append(len(await tab.moments()))
    async with names_changing(stage, store, tenants):
        for number in range(12):
            id = tenants.ids[number % 3]
            assert (await tabs[number % 2].page.evaluate(SWITCH, id))["session"] == id
    await stage.rename("The End")
    for tab in tabs:
        await tab.shows_user("The End")
    tenants.judge([await tab.moments() for tab in tabs])
    for (tab, id), first in zip(pinned, since, strict=True):
        shown = [moment["session"]["data"] for moment in (await tab.moments())[first:]]
        assert {each["organization"]["id"] for each in shown} == {id}


async def test_a_pinned_tab_that_loses_its_membership_falls_back_and_says_why(
    stage: Stage, store: Store
) -> None:
    tabs, tenants = await four_tabs(stage, store)
    own, other, _ = tenants.ids
    await tabs[0].done("organization.setActive", {"organizationId": own})
    tab = tabs[3]
    await tab.pin(other)
    await stage.write("member", "delete_one", {"organizationId": {"$oid": other}, "role": "admin"})
    await tab.until(f"session.data.organization.id === '{own}' && organization.data.id === '{own}'")
    switching = await tab.page.evaluate("() => client.organization.switching.get()")
    assert "membership_lost" in str(switching)
    for each in tabs:
        await each.until("organizations.data.length === 2")


async def test_a_switch_in_a_pinned_tab_is_seen_there_and_moves_no_other_pin(
    stage: Stage, store: Store
) -> None:
    tabs, tenants = await four_tabs(stage, store)
    one, two, three = tenants.ids
    await tabs[2].pin(two)
    await tabs[3].pin(three)
    here = {"error": None, "session": one, "organization": one}
    assert await tabs[2].page.evaluate(SWITCH, one) == here
    await tabs[0].page.evaluate(SWITCH, two)
    await stage.rename("The End")
    for tab, id in zip(tabs, (two, two, one, three), strict=True):
        await tab.shows_user("The End")
        data = (await tab.shown())["session"]["data"]
        assert data["organization"]["id"] == id
    user = (await tabs[2].shown())["user"]["data"]
    assert user["activeOrganizationId"] == two, "the user's own, which new tabs show"


async def test_what_a_pinned_tab_asks_for_over_http_is_of_its_organization(
    stage: Stage, store: Store
) -> None:
    """By the client's calls and by the page's own, whatever the other tabs switch to."""
    asked = """async () => {
        const read = await fetch('/api/auth/get-session', { headers: client.headers() });
        const { organization } = await read.json();
        const { data } = await client.organization.listMembers();
        return [organization.id, ...new Set(data.members.map((each) => each.organizationId))];
    }"""
    tabs, tenants = await four_tabs(stage, store)
    one, two, three = tenants.ids
    await tabs[2].pin(two)
    await tabs[3].pin(three)
    for active in (one, two, three):
        await tabs[0].done("organization.setActive", {"organizationId": active})
        await tabs[1].until(f"session.data.organization.id === '{active}'")
        for tab, id in zip(tabs, (active, active, two, three), strict=True):
            assert await tab.page.evaluate(asked) == [id, id]
