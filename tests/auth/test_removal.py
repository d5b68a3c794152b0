"""Deleting a user: who may, what goes with them, and that nothing is left half done."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auth.mailing import MailingHouse
from auth.rig import Crash, CrashingStore, unique_address
from sessionwire.auth.clock import utc_now
from sessionwire.auth.onboarding import workspace_id
from sessionwire.auth.removal import UnknownToken
from sessionwire.errors import BadRequest, SessionwireError, Unauthorized
from sessionwire.model import ObjectId
from sessionwire.reactive.identity import tombstone_id

if TYPE_CHECKING:
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store


async def ask(house: MailingHouse, who: SignedIn, password: str | None = None) -> bool:
    async with house.store.writing() as writing:
        return await house.removal.request(writing, who, password=password, target=None)


async def follow(house: MailingHouse, who: SignedIn, token: str) -> None:
    async with house.store.writing() as writing:
        await house.removal.follow(writing, who, token)


async def invite(store: Store, who: SignedIn, organization_id: object) -> None:
    invitation = {
        "_id": ObjectId(),
        "organizationId": organization_id,
        "inviterId": who.user["_id"],
        "email": unique_address("guest"),
        "status": "pending",
    }
    async with store.writing() as writing:
        await writing.insert_one("invitation", invitation)


async def left_of(store: Store, who: SignedIn) -> dict[str, int]:
    """How much of the user is in each collection."""
    id = who.user["_id"]
    filters: dict[str, dict[str, Any]] = {
        "user": {"_id": id},
        "session": {"userId": id},
        "account": {"userId": id},
        "member": {"userId": id},
        "invitation": {"inviterId": id},
        "organization": {"_id": workspace_id(id)},
        "verification": {"subject": {"$regex": f":{id}$"}},
    }
    return {name: await store.count(name, wanted) for name, wanted in filters.items()}


async def furnished(house: MailingHouse) -> SignedIn:
    """A user with something in every collection."""
    who = await house.person()
    await house.sign_in(who.user["email"])
    await invite(house.store, who, workspace_id(who.user["_id"]))
    await house.ask_reset(who.user["email"])
    return await house.now(who)


async def test_se_08_everything_that_is_only_theirs_goes_with_the_user(store: Store) -> None:
    house = MailingHouse(store)
    who, other = await furnished(house), await house.person("Bob")
    shared = await house.organization(other)
    await house.join(who, shared, "admin")
    await invite(store, who, shared["_id"])
    assert 0 not in (await left_of(store, who)).values()
    assert await ask(house, who, "password1234")
    assert set((await left_of(store, who)).values()) == {0}
    stone = await store.find_one("sessionEnd", {"_id": tombstone_id(who.session["token"])})
    assert stone is not None and stone["reason"] == "deleted"
    assert await store.count("organization", {"_id": shared["_id"]}) == 1
    assert await store.count("member", {"organizationId": shared["_id"]}) == 1
    assert (await left_of(store, other))["user"] == 1
    with pytest.raises(Unauthorized):
        await house.sign_in(who.user["email"])
    await house.sign_up(who.user["email"])


async def test_an_organization_in_which_nobody_is_left_goes_too(store: Store) -> None:
    house = MailingHouse(store)
    who, ghost = await house.person(), await house.person("Ghost")
    alone = await house.organization(who)
    await house.join(ghost, alone, "owner")
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": ghost.user["_id"]})  # by another program
    await invite(store, who, alone["_id"])
    assert await ask(house, who, "password1234")
    assert await store.count("organization", {"_id": alone["_id"]}) == 0
    assert await store.count("member", {"organizationId": alone["_id"]}) == 0
    assert await store.count("invitation", {"organizationId": alone["_id"]}) == 0


async def test_the_only_owner_of_others_stays(store: Store) -> None:
    house = MailingHouse(store)
    who, other = await furnished(house), await house.person("Bob")
    organization = await house.organization(who)
    await house.join(other, organization, "admin,member")
    before = await left_of(store, who)
    with pytest.raises(BadRequest) as refused:
        await ask(house, who, "password1234")
    assert refused.value.code == "YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER"
    assert await left_of(store, who) == before


async def test_or_05_of_two_last_owners_who_go_at_once_one_stays(store: Store) -> None:
    house = MailingHouse(store)
    first, second, third = [await house.person(name) for name in ("A", "B", "C")]
    organization = await house.organization(first)
    await house.join(second, organization, "owner")
    await house.join(third, organization, "member")
    done = await asyncio.gather(
        ask(house, first, "password1234"),
        ask(house, second, "password1234"),
        return_exceptions=True,
    )
    assert done.count(True) == 1
    owners = {"organizationId": organization["_id"], "role": "owner"}
    assert await store.count("member", owners) == 1


@pytest.mark.parametrize("crash_at", range(18))
async def test_a_crash_at_any_write_leaves_everything_or_nothing(
    store: Store, crash_at: int
) -> None:
    """It is one transaction; a second try finishes what the first did not begin."""
    house = MailingHouse(store)
    who = await furnished(house)
    before = await left_of(store, who)
    crashing = MailingHouse(CrashingStore(store, crash_at=crash_at))
    try:
        await ask(crashing, who, "password1234")
        crashed = False
    except Crash:
        crashed = True
    after = await left_of(store, who)
    if crashed:
        assert after == before
        assert await house.now(who) == who, "still signed in"
        assert await ask(house, who, "password1234")
        after = await left_of(store, who)
    assert set(after.values()) == {0}


async def test_a_deletion_is_told_before_the_user_is_gone(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    async with store.writing() as writing:
        await house.removal.delete(writing, who.user)
        told = [(each.kind, each.user_id) for each in writing.notes]
    id = str(who.user["_id"])
    assert told == [("session_ended", id), ("user_deleted", id)]


async def test_pw_09_a_wrong_password_deletes_nobody(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    for password in ("wrong-password", "x" * 5_000):
        with pytest.raises(BadRequest) as refused:
            await ask(house, who, password)
        assert refused.value.code == "INVALID_PASSWORD"
    assert await house.now(who)


async def test_pw_09_without_a_password_the_sign_in_must_be_recent(store: Store) -> None:
    ahead = timedelta()
    house = MailingHouse(store, clock=lambda: utc_now() + ahead)
    who, other = await house.person(), await house.person()
    ahead = timedelta(hours=23, minutes=59)
    assert await ask(house, other)
    ahead = timedelta(hours=24)
    with pytest.raises(BadRequest) as refused:
        await ask(house, who)
    assert refused.value.code == "SESSION_EXPIRED"
    assert house.letters == []


async def social(house: MailingHouse) -> SignedIn:
    """A user who has no password."""
    who = await house.person()
    async with house.store.writing() as writing:
        await writing.delete_many("account", {"userId": who.user["_id"]})
    return who


async def test_who_has_no_password_and_no_recent_sign_in_gets_a_link(store: Store) -> None:
    ahead = timedelta()
    house = MailingHouse(store, clock=lambda: utc_now() + ahead)
    who, other = await social(house), await social(house)
    ahead = timedelta(hours=25)
    assert not await ask(house, who)
    assert [(each.kind, each.to) for each in house.letters] == [("delete_user", who.user["email"])]
    token = house.token()
    with pytest.raises(UnknownToken):
        await follow(house, other, token)
    await follow(house, who, token)
    assert set((await left_of(store, who)).values()) == {0}
    with pytest.raises(UnknownToken):
        await follow(house, who, token)


async def test_pw_10_of_fifty_deletions_by_one_link_one_succeeds(store: Store) -> None:
    ahead = timedelta()
    house = MailingHouse(store, clock=lambda: utc_now() + ahead)
    who = await social(house)
    ahead = timedelta(hours=25)
    await ask(house, who)
    token = house.token()
    done = await asyncio.gather(
        *(follow(house, who, token) for _ in range(50)), return_exceptions=True
    )
    assert done.count(None) == 1
    assert {each.code for each in done if isinstance(each, SessionwireError)} == {"INVALID_TOKEN"}
