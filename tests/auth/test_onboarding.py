from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import House
from auth.rig import Crash, CrashingStore, opened_store, unique_address
from sessionwire.auth.clock import utc_now
from sessionwire.auth.onboarding import ensure, sweep, workspace_id
from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store


async def inserted(store: Store, **more: Any) -> Any:
    """A user that another program inserted."""
    user = {"_id": ObjectId(), "name": "Ada Lovelace", "email": unique_address("ada"), **more}
    async with store.writing() as writing:
        await writing.insert_one("user", user)
    return user["_id"]


async def set_up(store: Store, user_id: object, **more: Any) -> int:
    return await ensure(store, user_id, now=utc_now(), **more)


async def workspace_of(store: Store, user_id: object) -> Document:
    """The one organization of a user who has exactly one of everything."""
    members = await store.find("member", {"userId": user_id})
    assert [each["role"] for each in members] == ["owner"]
    organization = await store.find_one("organization", {"_id": members[0]["organizationId"]})
    user = await store.find_one("user", {"_id": user_id})
    assert organization is not None and user is not None
    assert organization["_id"] == workspace_id(user_id)
    assert user["activeOrganizationId"] == format_id(organization["_id"])
    assert user["onboardedAt"] is not None
    return organization


@pytest.mark.parametrize(
    "id", [ObjectId(), "user-1", 42, "6b041e624777db0869640eafx"], ids=lambda id: type(id).__name__
)
async def test_whoever_was_inserted_gets_one_workspace(store: Store, id: Any) -> None:
    user_id = await inserted(store, _id=id)
    assert await set_up(store, user_id) > 0
    workspace = await workspace_of(store, user_id)
    assert workspace["name"] == "Ada Lovelace's workspace"
    assert workspace["slug"].startswith("ada-lovelace-")


@pytest.mark.parametrize("name", ["", "  ", "Łukasz", "李小龍", None, 5, "x" * 500])
async def test_any_name_makes_a_workspace(store: Store, name: Any) -> None:
    user_id = await inserted(store, name=name)
    await set_up(store, user_id)
    workspace = await workspace_of(store, user_id)
    assert workspace["name"] and len(workspace["slug"]) < 64


async def test_the_second_time_nothing_is_written(store: Store) -> None:
    user_id = await inserted(store)
    await set_up(store, user_id)
    assert await set_up(store, user_id) == 0
    assert await set_up(store, ObjectId()) == 0


async def test_twenty_at_once_make_one_workspace(store: Store) -> None:
    user_id = await inserted(store)
    await asyncio.gather(*(set_up(store, user_id) for _ in range(20)))
    await workspace_of(store, user_id)


@pytest.mark.parametrize("crash_at", range(4))
async def test_a_crash_at_any_step_is_made_good(store: Store, crash_at: int) -> None:
    user_id = await inserted(store)
    try:
        await set_up(CrashingStore(store, crash_at=crash_at), user_id)
        crashed = False
    except Crash:
        crashed = True
    assert crashed is (crash_at < 3)
    await set_up(store, user_id)
    await workspace_of(store, user_id)


async def test_a_workspace_that_was_begun_is_finished_though_the_user_joined_another(
    store: Store,
) -> None:
    user_id = await inserted(store)
    with pytest.raises(Crash):
        await set_up(CrashingStore(store, crash_at=1), user_id)
    other = await organization_of_another(store, user_id)
    await set_up(store, user_id)
    assert await store.count("organization", {"_id": workspace_id(user_id)}) == 1
    members = await store.find("member", {"userId": user_id})
    assert {each["organizationId"] for each in members} == {workspace_id(user_id), other}


async def organization_of_another(store: Store, user_id: object) -> ObjectId:
    """An organization that the user is a plain member of."""
    id = ObjectId()
    async with store.writing() as writing:
        await writing.insert_one("organization", {"_id": id, "name": "O", "slug": f"o-{id}"})
        member = {"organizationId": id, "userId": user_id, "role": "member"}
        await writing.insert_one("member", {"_id": ObjectId(), **member, "createdAt": utc_now()})
    return id


async def test_who_is_a_member_somewhere_gets_no_workspace_but_begins_there(store: Store) -> None:
    user_id = await inserted(store)
    oldest = await organization_of_another(store, user_id)
    await organization_of_another(store, user_id)
    await set_up(store, user_id)
    user = await store.find_one("user", {"_id": user_id})
    assert user is not None and user["activeOrganizationId"] == format_id(oldest)
    assert await store.count("organization", {"_id": workspace_id(user_id)}) == 0


async def test_a_membership_of_no_organization_does_not_count(store: Store) -> None:
    user_id = await inserted(store)
    async with store.writing() as writing:
        dangling = {"_id": ObjectId(), "organizationId": ObjectId(), "userId": user_id}
        await writing.insert_one("member", dangling)
    await set_up(store, user_id)
    assert await store.count("organization", {"_id": workspace_id(user_id)}) == 1


async def test_a_chosen_organization_is_kept(store: Store) -> None:
    user_id = await inserted(store, activeOrganizationId="6b041e664777db0869640ef0")
    await set_up(store, user_id)
    user = await store.find_one("user", {"_id": user_id})
    assert user is not None and user["activeOrganizationId"] == "6b041e664777db0869640ef0"


async def test_without_personal_workspaces_a_user_is_only_marked(store: Store) -> None:
    user_id = await inserted(store)
    await set_up(store, user_id, personal_workspace=False)
    user = await store.find_one("user", {"_id": user_id})
    assert user is not None
    assert user["onboardedAt"] is not None and user["activeOrganizationId"] is None
    assert await store.count("member", {"userId": user_id}) == 0


async def test_a_slug_that_somebody_took_is_made_longer(store: Store) -> None:
    first, second = await inserted(store), await inserted(store)
    await set_up(store, first)
    digest = (await workspace_of(store, first))["slug"]
    async with store.writing() as writing:
        await writing.update_one(
            "organization",
            {"_id": workspace_id(first)},
            {"$set": {"slug": await slug_that_would_be(store, second)}},
        )
    await set_up(store, second)
    assert len((await workspace_of(store, second))["slug"]) > len(digest)


async def slug_that_would_be(store: Store, user_id: object) -> str:
    """The slug that the user's workspace gets while nobody has it."""
    with pytest.raises(Crash):
        await set_up(CrashingStore(store, crash_at=2), user_id)
    made = await store.find_one("organization", {"_id": workspace_id(user_id)})
    assert made is not None
    async with store.writing() as writing:
        await writing.delete_one("organization", {"_id": made["_id"]})
    slug: str = made["slug"]
    return slug


async def test_the_sweep_finds_everybody_whom_nobody_set_up(mongodb_uri: str) -> None:
    async with opened_store(mongodb_uri) as store:
        ids = [await inserted(store) for _ in range(60)]
        ids += [await inserted(store, _id="text"), await inserted(store, onboardedAt=None)]
        await House(store).sign_up()
        assert await sweep(store, now=utc_now()) == 62
        for each in ids:
            await workspace_of(store, each)
        assert await sweep(store, now=utc_now()) == 0
