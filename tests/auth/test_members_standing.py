from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auth.people import House
from sessionwire.auth.memberships import membership
from sessionwire.errors import PeerError, Unauthorized
from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

OUTSIDER = "YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION"


async def refusal(doing: Any) -> str:
    with pytest.raises(PeerError) as refused:
        await doing
    return refused.value.code


async def test_without_an_active_organization_there_is_no_standing(store: Store) -> None:
    house = House(store, personal_workspace=False)
    who = await house.person()
    for doing in (
        house.standing.active_member(who),
        house.standing.role(who, user=None, id=None, slug=None),
        house.standing.allows(who, {"member": ["create"]}, id=None),
    ):
        assert await refusal(doing) == "NO_ACTIVE_ORGANIZATION"


async def test_the_active_membership_comes_with_its_user(store: Store) -> None:
    house = House(store)
    who = await house.person()
    made = await house.organization(who)
    who = await house.now(who)
    mine = await house.standing.active_member(who)
    assert mine.member["organizationId"] == made["_id"] and mine.user == who.user


async def test_members_learn_each_others_roles_and_strangers_none(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, "admin,member")
    id, owner_id = format_id(made["_id"]), format_id(owner.user["_id"])
    role = house.standing.role
    assert await role(who, user=None, id=id, slug=None) == "admin,member"
    assert await role(who, user=None, id=None, slug=made["slug"]) == "admin,member"
    assert await role(who, user=owner_id, id=id, slug=None) == "owner"
    stranger = await house.person("Stranger")
    stranger_id = format_id(stranger.user["_id"])
    assert await refusal(role(who, user=stranger_id, id=id, slug=None)) == OUTSIDER
    assert await refusal(role(stranger, user=owner_id, id=id, slug=None)) == OUTSIDER
    unknown = format_id(ObjectId())
    assert await refusal(role(stranger, user=None, id=unknown, slug=None)) == OUTSIDER


async def test_what_a_role_allows_is_asked_of_the_membership(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, "admin")
    id = format_id(made["_id"])
    allows = house.standing.allows
    assert await allows(who, {"organization": ["update"]}, id=id)
    assert not await allows(who, {"organization": ["delete"]}, id=id)
    assert not await allows(owner, {}, id=id)
    with pytest.raises(Unauthorized):
        await allows(await house.person("Stranger"), {"member": ["create"]}, id=id)


@pytest.mark.parametrize("missing", ["organizationId", "userId"])
async def test_or_06_a_missing_id_equals_no_other_that_is_missing(
    store: Store, missing: str
) -> None:
    ids = {"organizationId": ObjectId(), "userId": ObjectId()}
    del ids[missing]
    async with store.writing() as writing:
        await writing.insert_one("member", {"_id": ObjectId(), **ids, "role": "owner"})
    assert await membership(store, ids.get("organizationId"), ids.get("userId")) is None
