from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from auth.people import House
from auth.rig import Crash, CrashingStore
from sessionwire.errors import BadRequest, Forbidden
from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store


async def activate(
    house: House, who: SignedIn, *, id: str | None = None, slug: str | None = None
) -> Document:
    async with house.store.writing() as writing:
        return await house.organizations.activate(writing, who, id=id, slug=slug)


async def test_who_makes_an_organization_owns_it_and_is_in_it(store: Store) -> None:
    house = House(store)
    who = await house.person()
    made = await house.organization(who, metadata={"plan": "pro"}, logo="https://l/1.png")
    assert made["metadata"] == '{"plan":"pro"}'
    now = await house.now(who)
    assert now.user["activeOrganizationId"] == now.session["activeOrganizationId"]
    assert now.user["activeOrganizationId"] == format_id(made["_id"])
    active = await house.organizations.active(now)
    assert active is not None and active["_id"] == made["_id"]
    workspace, second = await house.organizations.of_user(now.user)
    assert workspace["name"] == "Alice's workspace" and second["_id"] == made["_id"]


async def test_of_ten_that_take_one_slug_one_gets_it(store: Store) -> None:
    house = House(store)
    who = await house.person()
    slug = f"race-{ObjectId()}"
    done = await asyncio.gather(
        *(house.organization(who, slug=slug) for _ in range(10)), return_exceptions=True
    )
    refused = [each for each in done if isinstance(each, BadRequest)]
    assert [each.code for each in refused] == ["ORGANIZATION_ALREADY_EXISTS"] * 9
    assert await store.count("member", {"userId": who.user["_id"]}) == 2


@pytest.mark.parametrize("crash_at", range(4))
async def test_a_crash_while_one_is_made_leaves_its_slug_free_or_its_owner_in(
    store: Store, crash_at: int
) -> None:
    house = House(store)
    who = await house.person()
    slug = f"crash-{ObjectId()}"
    with pytest.raises(Crash):
        await House(CrashingStore(store, crash_at=crash_at)).organization(who, slug=slug)
    left = await store.find("organization", {"slug": slug})
    for each in left:
        owners = await store.find("member", {"organizationId": each["_id"]})
        assert [(o["userId"], o["role"]) for o in owners] == [(who.user["_id"], "owner")]
    if not left:
        await house.organization(who, slug=slug)


async def test_only_the_session_switches_where_the_session_is_the_truth(store: Store) -> None:
    house = House(store, active_organization="session")
    who = await house.person()
    made = await house.organization(who)
    now = await house.now(who)
    assert now.session["activeOrganizationId"] == format_id(made["_id"])
    assert now.user["activeOrganizationId"] == who.user["activeOrganizationId"]


async def test_an_organization_is_made_active_by_id_and_by_slug_and_by_none(store: Store) -> None:
    house = House(store)
    who = await house.person()
    first, second = await house.organization(who), await house.organization(who)
    assert (await activate(house, who, id=format_id(first["_id"])))["_id"] == first["_id"]
    who = await house.now(who)
    assert (await activate(house, who, slug=second["slug"]))["_id"] == second["_id"]
    who = await house.now(who)
    async with store.writing() as writing:
        assert await house.organizations.deactivate(writing, who)
    who = await house.now(who)
    assert await house.organizations.active(who) is None
    async with store.writing() as writing:
        assert not await house.organizations.deactivate(writing, who)
        assert writing.version == 0


@pytest.mark.parametrize("unknown", ["foreign", "ffffffffffffffffffffffff", "not-an-id", ""])
async def test_a_foreign_organization_is_refused_and_changes_nothing(
    store: Store, unknown: str
) -> None:
    house = House(store)
    who = await house.person()
    if unknown == "foreign":
        unknown = format_id((await house.organization(await house.person()))["_id"])
    with pytest.raises(Forbidden):
        await activate(house, who, id=unknown)
    assert await house.now(who) == who


async def test_or_03_a_switch_that_a_removal_outran_is_undone(store: Store) -> None:
    house = House(store)
    who, owner = await house.person(), await house.person("Owner")
    made = await house.organization(owner)
    for _ in range(20):
        await house.join(who, made, "member")
        async with store.writing() as writing:
            await asyncio.gather(
                activate(house, await house.now(who), id=format_id(made["_id"])),
                house.members.remove(
                    writing, owner, target=who.user["email"], organization=format_id(made["_id"])
                ),
                return_exceptions=True,
            )
        now = await house.now(who)
        for holder in (now.user, now.session):
            assert holder["activeOrganizationId"] != format_id(made["_id"])


async def test_the_members_of_a_full_organization_outlive_their_users(store: Store) -> None:
    house = House(store)
    owner, gone = await house.person("Owner"), await house.person("Gone")
    made = await house.organization(owner)
    await house.join(gone, made, "member")
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": gone.user["_id"]})
    full = await house.organizations.full(owner, id=format_id(made["_id"]), slug=None, limit=100)
    assert full is not None
    assert [each.user is None for each in full.members] == [False, True]


@pytest.mark.parametrize(
    ("role", "seen"), [("owner", ["a", "b"]), ("admin", ["a"]), ("member", [])]
)
async def test_invitations_are_shown_to_who_may_invite(
    store: Store, role: str, seen: list[str]
) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, role)
    async with store.writing() as writing:
        for email, invited in (("a", "member"), ("b", "owner")):
            invitation = {"organizationId": made["_id"], "email": email, "role": invited}
            await writing.insert_one("invitation", {"_id": ObjectId(), **invitation})
    full = await house.organizations.full(who, id=None, slug=made["slug"], limit=100)
    assert full is not None and [each["email"] for each in full.invitations] == seen
