from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import House
from auth.rig import Crash, CrashingStore
from sessionwire.auth.members import Filter, Page
from sessionwire.errors import BadRequest, Forbidden, PeerError
from sessionwire.model import ObjectId, format_id
from sessionwire.policy.roles import has_role

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store


async def remove(house: House, who: SignedIn, target: str, organization: Document) -> Any:
    async with house.store.writing() as writing:
        return await house.members.remove(
            writing, who, target=target, organization=format_id(organization["_id"])
        )


async def leave(house: House, who: SignedIn, organization: Document) -> Any:
    async with house.store.writing() as writing:
        return await house.members.leave(writing, who, organization=format_id(organization["_id"]))


async def set_roles(
    house: House, who: SignedIn, member: Document, roles: list[str], organization: Document
) -> Any:
    async with house.store.writing() as writing:
        return await house.members.set_roles(
            writing,
            who,
            member=format_id(member["_id"]),
            roles=roles,
            organization=format_id(organization["_id"]),
        )


async def owners(store: Store, organization: Document) -> int:
    found = await store.find("member", {"organizationId": organization["_id"]})
    return len([each for each in found if has_role(each["role"], "owner")])


async def refusal(doing: Any) -> str:
    with pytest.raises(PeerError) as refused:
        await doing
    return refused.value.code


ONLY_OWNER = "YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER"
NO_OWNER = "YOU_CANNOT_LEAVE_THE_ORGANIZATION_WITHOUT_AN_OWNER"
NOT_REMOVE = "YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_MEMBER"
NOT_UPDATE = "YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_MEMBER"


async def test_a_removed_member_points_there_no_more(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, "member")
    async with store.writing() as writing:
        await house.organizations.activate(writing, who, id=format_id(made["_id"]), slug=None)
    removed = await remove(house, owner, who.user["email"], made)
    assert removed.user["_id"] == who.user["_id"]
    now = await house.now(who)
    assert now.user["activeOrganizationId"] is None
    assert now.session["activeOrganizationId"] is None
    assert await store.count("member", {"organizationId": made["_id"]}) == 1


async def test_who_is_elsewhere_stays_there_when_removed(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    member = await house.join(who, made, "member")
    removed = await remove(house, owner, format_id(member["_id"]), made)
    assert removed.user is None
    assert await house.now(who) == who


async def test_a_crash_during_a_removal_undoes_it(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, "member")
    for crash_at in range(3):
        with pytest.raises(Crash):
            await remove(
                House(CrashingStore(store, crash_at=crash_at)), owner, who.user["email"], made
            )
        assert await store.count("member", {"organizationId": made["_id"]}) == 2
    await remove(house, owner, who.user["email"], made)


@pytest.mark.parametrize(
    ("mine", "theirs", "code"),
    [
        ("owner", "owner", None),
        ("owner", "admin", None),
        ("admin", "owner", ONLY_OWNER),
        ("admin", "admin", None),
        ("admin", "member", None),
        ("member", "member", NOT_REMOVE),
        ("member", "admin", NOT_REMOVE),
        ("member", "owner", ONLY_OWNER),
        (None, "member", "MEMBER_NOT_FOUND"),
    ],
)
async def test_who_may_remove_whom(
    store: Store, mine: str | None, theirs: str, code: str | None
) -> None:
    house = House(store)
    owner, me, them = [await house.person(name) for name in ("Owner", "Me", "Them")]
    made = await house.organization(owner)
    member = await house.join(them, made, theirs)
    if mine is not None:
        await house.join(me, made, mine)
    doing = remove(house, me, format_id(member["_id"]), made)
    if code is None:
        await doing
    else:
        assert await refusal(doing) == code
    left = await store.count("member", {"_id": member["_id"]})
    assert left == (0 if code is None else 1)


@pytest.mark.parametrize(
    ("mine", "theirs", "roles", "code"),
    [
        ("owner", "member", ["admin"], None),
        ("owner", "member", ["owner"], None),
        ("owner", "owner", ["member"], None),
        ("owner", "admin", ["member", "admin"], None),
        ("admin", "member", ["admin"], None),
        ("admin", "member", ["owner"], NOT_UPDATE),
        ("admin", "member", ["member", "owner"], NOT_UPDATE),
        ("admin", "owner", ["member"], NOT_UPDATE),
        ("member", "member", ["admin"], NOT_UPDATE),
        ("owner", "member", ["zzz"], "ROLE_NOT_FOUND"),
        ("owner", "member", [], "ROLE_NOT_FOUND"),
        (None, "member", ["admin"], "MEMBER_NOT_FOUND"),
    ],
)
async def test_who_may_give_which_role(
    store: Store, mine: str | None, theirs: str, roles: list[str], code: str | None
) -> None:
    house = House(store)
    owner, me, them = [await house.person(name) for name in ("Owner", "Me", "Them")]
    made = await house.organization(owner)
    member = await house.join(them, made, theirs)
    if mine is not None:
        await house.join(me, made, mine)
    doing = set_roles(house, me, member, roles, made)
    if code is None:
        assert (await doing)["role"] == ",".join(roles)
    else:
        assert await refusal(doing) == code
    stored = await store.find_one("member", {"_id": member["_id"]})
    assert stored is not None and stored["role"] == (theirs if code else ",".join(roles))


async def test_nobody_raises_themselves(store: Store) -> None:
    house = House(store)
    owner, admin = await house.person("Owner"), await house.person("Admin")
    made = await house.organization(owner)
    member = await house.join(admin, made, "admin")
    assert await refusal(set_roles(house, admin, member, ["owner"], made)) == NOT_UPDATE


async def test_the_only_owner_neither_leaves_nor_is_removed_nor_demoted(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner)
    member = (await store.find("member", {"organizationId": made["_id"]}))[0]
    assert await refusal(leave(house, owner, made)) == ONLY_OWNER
    assert await refusal(remove(house, owner, owner.user["email"], made)) == ONLY_OWNER
    assert await refusal(set_roles(house, owner, member, ["admin"], made)) == NO_OWNER
    assert await owners(store, made) == 1


async def test_an_owner_whose_user_is_gone_does_not_count(store: Store) -> None:
    house = House(store)
    owner, ghost = await house.person("Owner"), await house.person("Ghost")
    made = await house.organization(owner)
    await house.join(ghost, made, "owner")
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": ghost.user["_id"]})
    assert await refusal(leave(house, owner, made)) == ONLY_OWNER


async def test_of_two_memberships_of_one_user_the_older_counts(store: Store) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person()
    made = await house.organization(owner)
    await house.join(who, made, "member")
    async with store.writing() as writing:
        pair = {"organizationId": made["_id"], "userId": who.user["_id"], "role": "owner"}
        await writing.insert_one("member", {"_id": ObjectId(), **pair, "createdAt": house.clock()})
    assert await refusal(leave(house, owner, made)) == ONLY_OWNER
    await remove(house, owner, who.user["email"], made)
    assert await store.count("member", {"organizationId": made["_id"]}) == 1


@pytest.mark.parametrize("attempt", range(3))
async def test_owners_who_leave_and_remove_and_demote_each_other_at_once_leave_one(
    store: Store, attempt: int
) -> None:
    house = House(store)
    people = [await house.person(f"Owner {n}") for n in range(4)]
    made = await house.organization(people[0])
    members = (await store.find("member", {"organizationId": made["_id"]})) + [
        await house.join(each, made, "owner") for each in people[1:]
    ]
    doings = [leave(house, each, made) for each in people]
    doings += [remove(house, people[n], people[(n + 1) % 4].user["email"], made) for n in range(4)]
    doings += [
        set_roles(house, people[n], members[(n + 2) % 4], ["member"], made) for n in range(4)
    ]
    done = await asyncio.gather(*doings, return_exceptions=True)
    unexpected = [each for each in done if isinstance(each, Exception)]
    assert all(isinstance(each, BadRequest | Forbidden) for each in unexpected), unexpected
    assert await owners(store, made) == 1


async def test_or_05_two_owners_who_leave_at_once_do_not_both(store: Store) -> None:
    house = House(store)
    for _ in range(5):
        first, second = await house.person("First"), await house.person("Second")
        made = await house.organization(first)
        await house.join(second, made, "owner")
        done = await asyncio.gather(
            leave(house, first, made), leave(house, second, made), return_exceptions=True
        )
        assert [isinstance(each, BadRequest) for each in done].count(True) == 1
        assert await owners(store, made) == 1


async def test_members_are_paged_sorted_and_filtered(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner)
    people = [await house.person(f"Member {n}") for n in range(4)]
    for each in people:
        await house.join(each, made, "member")

    async def names(page: Page) -> tuple[list[str], int]:
        found, total = await house.members.page(owner, page, id=format_id(made["_id"]), slug=None)
        return [each.user["name"] for each in found if each.user], total

    everybody = ["Owner", *(f"Member {n}" for n in range(4))]
    assert await names(Page()) == (everybody, 5)
    assert await names(Page(limit=2, offset=1)) == (everybody[1:3], 5)
    newest = Page(limit=2, sort="createdAt", direction="desc")
    assert await names(newest) == (["Member 3", "Member 2"], 5)
    assert await names(Page(filter=Filter("role", "eq", "owner"))) == (["Owner"], 1)
    mine = Filter("userId", "ne", people[0].user["_id"])
    assert await names(Page(filter=mine)) == (["Owner", "Member 1", "Member 2", "Member 3"], 4)


async def test_strangers_see_no_members(store: Store) -> None:
    house = House(store)
    made = await house.organization(await house.person())
    stranger = await house.person("Stranger")
    code = await refusal(house.members.page(stranger, Page(), id=format_id(made["_id"]), slug=None))
    assert code == "YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION"
