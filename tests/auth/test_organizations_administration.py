from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import House
from auth.rig import Crash, CrashingStore
from sessionwire.errors import BadRequest, PeerError
from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store

STRANGER = "USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION"
TAKEN = "ORGANIZATION_SLUG_ALREADY_TAKEN"


async def update(
    house: House, who: SignedIn, organization: Document | None, **changes: Any
) -> Document:
    id = None if organization is None else format_id(organization["_id"])
    async with house.store.writing() as writing:
        return await house.administration.update(writing, who, organization=id, changes=changes)


async def delete(house: House, who: SignedIn, organization: Document) -> Document:
    async with house.store.writing() as writing:
        return await house.administration.delete(
            writing, who, organization=format_id(organization["_id"])
        )


async def activate(house: House, who: SignedIn, organization: Document) -> Document:
    async with house.store.writing() as writing:
        return await house.organizations.activate(
            writing, who, id=format_id(organization["_id"]), slug=None
        )


async def refusal(doing: Any) -> str:
    with pytest.raises(PeerError) as refused:
        await doing
    return refused.value.code


async def test_what_is_given_changes_and_the_rest_stays(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner, logo="https://l/1.png", metadata={"plan": "pro"})
    changed = await update(house, await house.now(owner), None, name="New", metadata={"n": 1})
    assert (changed["name"], changed["metadata"]) == ("New", '{"n":1}')
    assert (changed["slug"], changed["logo"]) == (made["slug"], "https://l/1.png")
    assert (await update(house, owner, made, logo=None))["logo"] is None
    assert (await update(house, owner, made))["name"] == "New"
    assert (await update(house, owner, made, slug=made["slug"]))["slug"] == made["slug"]


@pytest.mark.parametrize(
    ("role", "update_code", "delete_code"),
    [
        ("owner", None, None),
        ("admin", None, "YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_ORGANIZATION"),
        (
            "member",
            "YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_ORGANIZATION",
            "YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_ORGANIZATION",
        ),
        (
            "",
            "YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_ORGANIZATION",
            "YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_ORGANIZATION",
        ),
        (None, STRANGER, STRANGER),
    ],
)
async def test_who_may_change_and_delete(
    store: Store, role: str | None, update_code: str | None, delete_code: str | None
) -> None:
    house = House(store)
    owner, me = await house.person("Owner"), await house.person("Me")
    made = await house.organization(owner)
    if role is not None:
        await house.join(me, made, role)
    for doing, code in (
        (update(house, me, made, name="Mine"), update_code),
        (delete(house, me, made), delete_code),
    ):
        if code is None:
            await doing
        else:
            assert await refusal(doing) == code


@pytest.mark.parametrize("id", ["ffffffffffffffffffffffff", "not-an-id", ""])
async def test_an_unknown_organization_is_like_a_foreign_one(store: Store, id: str) -> None:
    house = House(store)
    who = await house.person()
    assert await refusal(delete(house, who, {"_id": id})) == STRANGER
    if id:
        assert await refusal(update(house, who, {"_id": id}, name="x")) == STRANGER


async def test_a_slug_is_had_once_also_by_two_who_want_it_at_once(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    first, second = await house.organization(owner), await house.organization(owner)
    assert await refusal(update(house, owner, first, slug=second["slug"])) == TAKEN
    wanted = f"wanted-{ObjectId()}"
    done = await asyncio.gather(
        *(update(house, owner, each, slug=wanted) for each in (first, second)),
        return_exceptions=True,
    )
    (refused,) = [each for each in done if isinstance(each, BaseException)]
    assert isinstance(refused, BadRequest) and refused.code == TAKEN
    await house.administration.refuse_taken(f"free-{wanted}")
    assert await refusal(house.administration.refuse_taken(wanted)) == TAKEN


async def test_a_deleted_organization_is_nobodys_active_one(store: Store) -> None:
    house = House(store)
    owner, member = await house.person("Owner"), await house.person("Member")
    elsewhere = await house.person("Elsewhere")
    made = await house.organization(owner)
    for each in (member, elsewhere):
        await house.join(each, made, "member")
    await activate(house, member, made)
    other_device = await house.again(await house.sign_in(member.user["email"]))
    await activate(house, other_device, made)
    async with store.writing() as writing:
        invitation = {"_id": ObjectId(), "organizationId": made["_id"], "email": "x"}
        await writing.insert_one("invitation", invitation)
    assert (await delete(house, owner, made))["_id"] == made["_id"]
    for each in (owner, member, other_device):
        now = await house.now(each)
        assert now.user["activeOrganizationId"] is None
        assert now.session["activeOrganizationId"] is None
    assert await house.now(elsewhere) == elsewhere
    for collection in ("member", "invitation"):
        assert await store.count(collection, {"organizationId": made["_id"]}) == 0
    assert await refusal(delete(house, owner, made)) == STRANGER


async def test_a_switch_that_a_deletion_outran_is_undone(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    for _ in range(10):
        made = await house.organization(owner, activate=False)
        await house.join(who, made, "member")
        await asyncio.gather(
            activate(house, await house.now(who), made),
            delete(house, owner, made),
            return_exceptions=True,
        )
        now = await house.now(who)
        for holder in (now.user, now.session):
            assert holder["activeOrganizationId"] != format_id(made["_id"])


async def test_a_crash_during_a_deletion_undoes_it(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner)
    before = await house.now(owner)
    for crash_at in range(5):
        with pytest.raises(Crash):
            await delete(House(CrashingStore(store, crash_at=crash_at)), owner, made)
        assert await store.count("member", {"organizationId": made["_id"]}) == 1
        assert await house.now(owner) == before
    await delete(house, owner, made)


async def test_an_organization_is_shown_to_its_members(store: Store) -> None:
    house = House(store)
    owner, stranger = await house.person("Owner"), await house.person("Stranger")
    made = await house.organization(owner)
    owner = await house.now(owner)
    for id, slug in ((None, None), (format_id(made["_id"]), None), (None, made["slug"])):
        shown = await house.organizations.plain(owner, id=id, slug=slug)
        assert shown is not None and shown["_id"] == made["_id"]
    foreign = house.organizations.plain(stranger, id=format_id(made["_id"]), slug=None)
    assert await refusal(foreign) == STRANGER
