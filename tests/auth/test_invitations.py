from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import House
from auth.rig import ORIGIN, Crash, CrashingStore, unique_address
from sessionwire.auth.clock import utc_now
from sessionwire.errors import BadRequest, PeerError
from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from sessionwire.auth.invitations import Accepted
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store

NOT_FOUND = "INVITATION_NOT_FOUND"
NOT_MINE = "YOU_ARE_NOT_THE_RECIPIENT_OF_THE_INVITATION"
NOT_INVITE = "YOU_ARE_NOT_ALLOWED_TO_INVITE_USERS_TO_THIS_ORGANIZATION"
NOT_THIS_ROLE = "YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE"
UNVERIFIED = "EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION"


async def invite(
    house: House, who: SignedIn, organization: Document, email: str, *roles: str, **more: Any
) -> Document:
    async with house.store.writing() as writing:
        return await house.invitations.invite(
            writing,
            who,
            email=email,
            roles=list(roles) or ["member"],
            organization=format_id(organization["_id"]),
            **more,
        )


async def accept(house: House, who: SignedIn, invitation: Document) -> Accepted:
    async with house.store.writing() as writing:
        return await house.invitations.accept(writing, who, id=format_id(invitation["_id"]))


async def reject(house: House, who: SignedIn, invitation: Document) -> Document:
    async with house.store.writing() as writing:
        return await house.invitations.reject(writing, who, id=format_id(invitation["_id"]))


async def cancel(house: House, who: SignedIn, invitation: Document) -> Document:
    async with house.store.writing() as writing:
        return await house.invitations.cancel(writing, who, id=format_id(invitation["_id"]))


async def refusal(doing: Any) -> str:
    with pytest.raises(PeerError) as refused:
        await doing
    return refused.value.code


async def invited(house: House, *roles: str) -> tuple[SignedIn, SignedIn, Document, Document]:
    """An owner, somebody whom they invite, the organization, and the invitation."""
    owner, who = await house.person("Owner"), await house.person("Invited")
    made = await house.organization(owner)
    return owner, who, made, await invite(house, owner, made, who.user["email"], *roles)


async def change(store: Store, collection: str, document: Document, **fields: Any) -> None:
    async with store.writing() as writing:
        assert await writing.update_one(collection, {"_id": document["_id"]}, {"$set": fields})


async def test_an_invitation_is_a_letter_with_a_link(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner, name="Acme\r\nBcc: all@example.com " + "x" * 300)
    invitation = await invite(house, owner, made, "Bob@Example.com", "admin", "member")
    assert len(invitation["_id"]) == 32 and invitation["_id"].isalnum()
    assert invitation["email"] == "bob@example.com"
    assert invitation["role"] == "admin,member"
    assert invitation["expiresAt"] - invitation["createdAt"] == timedelta(hours=48)
    (letter,) = house.letters
    assert (letter.kind, letter.to) == ("invitation", "bob@example.com")
    assert letter.url == f"{ORIGIN}/accept-invitation?id={invitation['_id']}"
    assert letter.url in letter.text and owner.user["email"] in letter.text
    assert letter.subject.isprintable() and len(letter.subject) < 100


async def test_accepting_makes_a_member_who_is_there_at_once(store: Store) -> None:
    house = House(store)
    owner, who, made, invitation = await invited(house, "admin")
    accepted = await accept(house, who, invitation)
    assert accepted.invitation["status"] == "accepted"
    assert accepted.member["role"] == "admin"
    now = await house.now(who)
    assert now.user["activeOrganizationId"] == format_id(made["_id"])
    assert now.session["activeOrganizationId"] == format_id(made["_id"])
    assert await refusal(accept(house, who, invitation)) == NOT_FOUND
    again = invite(house, owner, made, who.user["email"])
    assert await refusal(again) == "USER_IS_ALREADY_A_MEMBER_OF_THIS_ORGANIZATION"


async def test_with_the_pointer_in_the_session_the_user_keeps_theirs(store: Store) -> None:
    house = House(store, active_organization="session")
    _, who, made, invitation = await invited(house)
    await accept(house, who, invitation)
    now = await house.now(who)
    assert now.session["activeOrganizationId"] == format_id(made["_id"])
    assert now.user["activeOrganizationId"] == who.user["activeOrganizationId"]


async def test_of_fifty_that_accept_at_once_one_does(store: Store) -> None:
    house = House(store)
    _, who, made, invitation = await invited(house)
    doings = [accept(house, who, invitation) for _ in range(50)]
    done = await asyncio.gather(*doings, return_exceptions=True)
    refused = [each for each in done if isinstance(each, BaseException)]
    assert len(refused) == 49
    assert all(isinstance(each, BadRequest) and each.code == NOT_FOUND for each in refused), refused
    assert await store.count("member", {"organizationId": made["_id"]}) == 2


async def test_two_invitations_of_one_person_make_one_member(store: Store) -> None:
    house = House(store)
    owner, who, made, first = await invited(house, "admin")
    second = {**first, "_id": ObjectId(), "role": "member"}  # as older databases name them
    async with store.writing() as writing:
        await writing.insert_one("invitation", second)
    done = await asyncio.gather(accept(house, who, first), accept(house, who, second))
    assert done[0].member == done[1].member
    assert await store.count("member", {"organizationId": made["_id"]}) == 2


async def test_an_acceptance_that_a_cancellation_or_a_deletion_outran_makes_nobody_a_member(
    store: Store,
) -> None:
    house = House(store)
    owner, who = await house.person("Owner"), await house.person("Invited")
    for attempt in range(10):
        made = await house.organization(owner)
        invitation = await invite(house, owner, made, who.user["email"])
        async with store.writing() as writing:
            other = (
                cancel(house, owner, invitation)
                if attempt % 2
                else house.administration.delete(
                    writing, owner, organization=format_id(made["_id"])
                )
            )
            done = await asyncio.gather(
                accept(house, await house.now(who), invitation), other, return_exceptions=True
            )
        if isinstance(done[0], BaseException) or not attempt % 2:
            wanted = {"organizationId": made["_id"], "userId": who.user["_id"]}
            assert await store.count("member", wanted) == 0
            pointer = (await house.now(who)).user["activeOrganizationId"]
            assert pointer != format_id(made["_id"])
        else:
            assert isinstance(done[1], BadRequest) and done[1].code == NOT_FOUND


async def test_a_crash_during_an_acceptance_undoes_it(store: Store) -> None:
    house = House(store)
    _, who, made, invitation = await invited(house)
    for crash_at in range(4):
        with pytest.raises(Crash):
            await accept(House(CrashingStore(store, crash_at=crash_at)), who, invitation)
        assert await store.count("member", {"organizationId": made["_id"]}) == 1
        assert await house.now(who) == who
    await accept(house, who, invitation)


async def test_a_full_organization_takes_nobody_however_many_come_at_once(store: Store) -> None:
    house = House(store)
    owner, first, second = [await house.person(name) for name in ("Owner", "First", "Second")]
    made = await house.organization(owner)
    async with store.writing() as writing:
        for _ in range(98):
            member = {"_id": ObjectId(), "organizationId": made["_id"], "userId": ObjectId()}
            more = {"role": "member", "createdAt": utc_now()}
            await writing.insert_one("member", {**member, **more})
    doings = [
        accept(house, each, await invite(house, owner, made, each.user["email"]))
        for each in (first, second)
    ]
    done = await asyncio.gather(*doings, return_exceptions=True)
    (refused,) = [each for each in done if isinstance(each, PeerError)]
    assert refused.code == "ORGANIZATION_MEMBERSHIP_LIMIT_REACHED"
    assert await store.count("member", {"organizationId": made["_id"]}) == 100


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "canceled"},
        {"status": "accepted"},
        {"status": None},
        {"expiresAt": utc_now() - timedelta(seconds=1)},
        {"expiresAt": None},
        {"organizationId": None},
        {"organizationId": ObjectId()},
    ],
)
async def test_or_04_what_does_not_stand_is_not_found(store: Store, fields: Any) -> None:
    house = House(store)
    _, who, _, invitation = await invited(house)
    await change(store, "invitation", invitation, **fields)
    assert await refusal(accept(house, who, invitation)) == NOT_FOUND
    shown = house.invitations.shown(who, id=invitation["_id"])
    assert await refusal(shown) == NOT_FOUND


@pytest.mark.parametrize("address", ["", None, "other@example.com"])
async def test_or_04_the_wrong_account_is_refused(store: Store, address: str | None) -> None:
    house = House(store)
    _, who, _, invitation = await invited(house)
    stranger = await house.person("Stranger")
    if address != "other@example.com":  # of nobody: an unset address equals no other
        await change(store, "invitation", invitation, email=address)
        stranger = who
    assert await refusal(accept(house, stranger, invitation)) == NOT_MINE
    assert await refusal(reject(house, stranger, invitation)) == NOT_MINE
    shown = house.invitations.shown(stranger, id=invitation["_id"])
    assert await refusal(shown) == NOT_MINE


async def test_or_06_an_invitation_of_nobody_is_not_for_a_user_without_an_address(
    store: Store,
) -> None:
    house = House(store)
    _, who, _, invitation = await invited(house)
    await change(store, "invitation", invitation, email="")
    await change(store, "user", who.user, email="")
    assert await refusal(accept(house, await house.now(who), invitation)) == NOT_MINE


async def test_or_04_with_verified_invitees_an_address_is_confirmed_first(store: Store) -> None:
    house = House(store, verified_invitees=True)
    _, who, _, invitation = await invited(house)
    assert await refusal(accept(house, who, invitation)) == UNVERIFIED
    assert await refusal(reject(house, who, invitation)) == UNVERIFIED
    await change(store, "user", who.user, emailVerified=True)
    await accept(house, await house.now(who), invitation)


async def test_an_address_that_was_changed_meanwhile_does_not_accept(store: Store) -> None:
    house = House(store)
    _, who, _, invitation = await invited(house)
    await change(store, "user", who.user, email=unique_address("moved"))
    assert await refusal(accept(house, who, invitation)) == NOT_MINE


@pytest.mark.parametrize(
    ("mine", "invited_as", "code"),
    [
        ("owner", ["owner"], None),
        ("admin", ["admin"], None),
        ("admin", ["member"], None),
        ("admin", ["owner"], NOT_THIS_ROLE),
        ("admin", ["member", "owner"], NOT_THIS_ROLE),
        ("member", ["member"], NOT_INVITE),
        ("", ["member"], NOT_INVITE),
        (None, ["member"], "MEMBER_NOT_FOUND"),
        ("owner", ["zzz"], "ROLE_NOT_FOUND"),
        ("owner", [], "ROLE_NOT_FOUND"),
    ],
)
async def test_or_05_who_may_invite_as_what(
    store: Store, mine: str | None, invited_as: list[str], code: str | None
) -> None:
    house = House(store)
    owner, me = await house.person("Owner"), await house.person("Me")
    made = await house.organization(owner)
    if mine is not None:
        await house.join(me, made, mine)
    async with store.writing() as writing:
        doing = house.invitations.invite(
            writing,
            me,
            email="x@example.com",
            roles=invited_as,
            organization=format_id(made["_id"]),
        )
        if code is None:
            await doing
        else:
            assert await refusal(doing) == code
    assert len(house.letters) == (1 if code is None else 0)


async def test_or_05_an_admin_does_not_prolong_an_invitation_as_owner(store: Store) -> None:
    house = House(store)
    owner, me = await house.person("Owner"), await house.person("Me")
    made = await house.organization(owner)
    await house.join(me, made, "admin")
    await invite(house, owner, made, "x@example.com", "owner")
    again = invite(house, me, made, "x@example.com", "member", resend=True)
    assert await refusal(again) == NOT_THIS_ROLE


async def test_an_invitation_is_made_once_and_sent_again_on_request(store: Store) -> None:
    moved = timedelta()
    house = House(store, clock=lambda: utc_now() + moved)
    owner = await house.person("Owner")
    made = await house.organization(owner)
    doings = [invite(house, owner, made, "x@example.com") for _ in range(5)]
    done = await asyncio.gather(*doings, return_exceptions=True)
    (first,) = [each for each in done if not isinstance(each, BaseException)]
    moved = timedelta(hours=1)
    again = await invite(house, owner, made, "X@example.com", "admin", resend=True)
    assert again["_id"] == first["_id"] and again["role"] == "member"
    assert again["expiresAt"] - first["expiresAt"] >= timedelta(hours=1)
    assert [each.url for each in house.letters] == [house.letters[0].url] * 2
    moved = timedelta(hours=72)
    another = await invite(house, owner, made, "x@example.com")
    assert another["_id"] != first["_id"]


async def test_at_most_a_hundred_invitations_stand(store: Store) -> None:
    house = House(store)
    owner = await house.person("Owner")
    made = await house.organization(owner)
    one = await invite(house, owner, made, "x@example.com")
    async with store.writing() as writing:
        for n in range(99):
            another = {**one, "_id": f"{made['_id']}-{n}", "email": f"{n}@example.com"}
            await writing.insert_one("invitation", another)
    refused = invite(house, owner, made, "y@example.com")
    assert await refusal(refused) == "INVITATION_LIMIT_REACHED"
    await cancel(house, owner, one)
    await invite(house, owner, made, "y@example.com")


async def test_who_may_not_cancel_is_refused_and_what_was_answered_stays(store: Store) -> None:
    house = House(store)
    owner, who, made, invitation = await invited(house)
    member = await house.person("Member")
    await house.join(member, made, "member")
    code = "YOU_ARE_NOT_ALLOWED_TO_CANCEL_THIS_INVITATION"
    assert await refusal(cancel(house, member, invitation)) == code
    assert await refusal(cancel(house, who, invitation)) == "MEMBER_NOT_FOUND"
    assert (await cancel(house, owner, invitation))["status"] == "canceled"
    assert (await cancel(house, owner, invitation))["status"] == "canceled"
    another = await invite(house, owner, made, who.user["email"])
    await accept(house, who, another)
    assert await refusal(cancel(house, owner, another)) == NOT_FOUND


async def test_a_rejected_invitation_is_over_and_an_expired_one_can_be_rejected(
    store: Store,
) -> None:
    house = House(store)
    _, who, _, invitation = await invited(house)
    await change(store, "invitation", invitation, expiresAt=utc_now())
    assert (await reject(house, who, invitation))["status"] == "rejected"
    assert await refusal(reject(house, who, invitation)) == NOT_FOUND


async def test_the_invited_person_is_told_by_whom_and_whereto(store: Store) -> None:
    house = House(store)
    owner, who, made, invitation = await invited(house)
    shown = await house.invitations.shown(who, id=invitation["_id"])
    assert shown.organization["_id"] == made["_id"]
    assert shown.inviter is not None and shown.inviter["email"] == owner.user["email"]
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": owner.user["_id"]})
    assert (await house.invitations.shown(who, id=invitation["_id"])).inviter is None


async def test_a_confirmed_address_sees_what_it_is_invited_to(store: Store) -> None:
    house = House(store)
    _, who, made, invitation = await invited(house)
    gone = {**invitation, "_id": ObjectId(), "organizationId": ObjectId()}
    async with store.writing() as writing:
        await writing.insert_one("invitation", gone)
    assert await refusal(house.invitations.of_user(who)) == UNVERIFIED
    await change(store, "user", who.user, emailVerified=True)
    found = await house.invitations.of_user(await house.now(who))
    assert [each.invitation["_id"] for each in found] == [invitation["_id"]]
    assert found[0].organization["_id"] == made["_id"]


async def test_or_06_a_missing_organization_equals_no_other_that_is_missing(store: Store) -> None:
    house = House(store)
    owner, who, _, invitation = await invited(house)
    nowhere = {"userId": owner.user["_id"], "role": "owner", "createdAt": utc_now()}
    async with store.writing() as writing:
        await writing.insert_one("member", {"_id": ObjectId(), **nowhere})
    await change(store, "invitation", invitation, organizationId=None)
    assert await refusal(cancel(house, owner, invitation)) == NOT_FOUND
