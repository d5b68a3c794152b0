"""Addresses confirmed and changed by links, and the links of a better-auth server beside us."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from auth.mailing import MailingHouse, token_in
from auth.rig import ORIGIN, SECRET, Crash, CrashingStore, unique_address
from sessionwire.auth.clock import utc_now
from sessionwire.errors import BadRequest

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store


async def send(house: MailingHouse, user: Document, target: str | None = None) -> str:
    async with house.store.writing() as writing:
        await house.addresses.send_verification(writing, user, target=target)
    return house.token()


async def user_of(house: MailingHouse, who: SignedIn) -> Document:
    return (await house.now(who)).user


async def test_a_link_confirms_the_address_once(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    token = await send(house, who.user)
    assert (house.letters[-1].kind, house.letters[-1].to) == ("verify_email", who.user["email"])
    assert house.letters[-1].url == f"{ORIGIN}/verify-email?token={token}"
    assert await house.verify(token)
    assert (await user_of(house, who))["emailVerified"] is True
    assert not await house.verify(token)


async def test_pw_10_of_fifty_confirmations_at_once_one_succeeds(store: Store) -> None:
    house = MailingHouse(store)
    token = await send(house, (await house.person()).user)
    done = await asyncio.gather(*(house.verify(token) for _ in range(50)))
    assert done.count(True) == 1


async def test_pw_10_a_newer_confirmation_ends_the_older(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    older, newer = await send(house, who.user), await send(house, who.user)
    assert not await house.verify(older)
    assert await house.verify(newer)


async def test_a_confirmation_is_good_for_an_hour(store: Store) -> None:
    ahead = timedelta()
    house = MailingHouse(store, clock=lambda: utc_now() + ahead)
    token = await send(house, (await house.person()).user)
    ahead = timedelta(minutes=61)
    assert not await house.verify(token)


async def test_a_token_of_one_purpose_is_none_of_another(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    await house.ask_reset(who.user["email"])
    assert not await house.verify(house.token())
    assert not await house.recovery.check(await send(house, who.user))


async def test_an_unconfirmed_address_is_changed_at_once_and_asked_to_be_confirmed(
    store: Store,
) -> None:
    house = MailingHouse(store)
    who, new = await house.person(), unique_address("new")
    older = await send(house, who.user)
    house.letters.clear()
    assert await house.change_email(who, new.upper())
    user = await user_of(house, who)
    assert (user["email"], user["emailVerified"]) == (new, False)
    assert [(each.kind, each.to) for each in house.letters] == [("verify_email", new)]
    assert not await house.verify(older)
    assert await house.verify(house.token())


async def test_a_confirmed_address_is_changed_by_a_link_to_the_new_one(store: Store) -> None:
    house = MailingHouse(store)
    who, new = await house.verified(), unique_address("new")
    old = who.user["email"]
    assert not await house.change_email(who, new)
    assert [(each.kind, each.to) for each in house.letters] == [("change_email", new)]
    assert (await user_of(house, who))["email"] == old
    await house.ask_reset(old)
    reset = house.token()
    assert await house.verify(token_in(house.letters[0]))
    user = await user_of(house, who)
    assert (user["email"], user["emailVerified"]) == (new, True)
    assert (house.letters[-1].kind, house.letters[-1].to) == ("email_changed", old)
    assert not await house.recovery.check(reset)
    assert not await house.verify(token_in(house.letters[0]))


async def test_pw_10_of_fifty_changes_by_one_link_one_succeeds(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.verified()
    await house.change_email(who, unique_address("new"))
    token = house.token()
    done = await asyncio.gather(*(house.verify(token) for _ in range(50)))
    assert done.count(True) == 1
    assert [each.kind for each in house.letters].count("email_changed") == 1


async def test_a_taken_address_changes_nothing_and_is_not_told_apart(store: Store) -> None:
    house = MailingHouse(store)
    taken = (await house.sign_up()).user["email"]
    for who in (await house.person(), await house.verified()):
        house.letters.clear()
        before = await store.count("verification", {})
        assert not await house.change_email(who, taken)
        assert (await user_of(house, who))["email"] == who.user["email"]
        assert house.letters == []
        assert await store.count("verification", {}) == before + 1


async def test_an_address_that_was_taken_meanwhile_is_not_taken_twice(store: Store) -> None:
    house = MailingHouse(store)
    who, new = await house.verified(), unique_address("new")
    await house.change_email(who, new)
    token = house.token()
    await house.sign_up(new)
    async with store.writing() as writing:
        assert await house.addresses.verify(writing, token) is None
        assert writing.notes == []
    assert await user_of(house, who) == who.user


async def test_of_two_users_who_want_one_address_one_gets_it(store: Store) -> None:
    house, new = MailingHouse(store), unique_address("wanted")
    people = [await house.person() for _ in range(4)]
    done = await asyncio.gather(*(house.change_email(each, new) for each in people))
    assert done.count(True) == 1
    assert await store.count("user", {"email": new}) == 1


@pytest.mark.parametrize("email", ["nope", "a@b.cd,c@d.ef", "a@b.cd\r\nBcc: x@y.zz", '"a b"@c.de'])
async def test_pw_11_what_is_no_address_is_refused(store: Store, email: str) -> None:
    house = MailingHouse(store)
    with pytest.raises(BadRequest) as refused:
        await house.change_email(await house.person(), email)
    assert refused.value.code == "INVALID_EMAIL"


async def test_a_change_is_told(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    async with store.writing() as writing:
        await house.addresses.change(writing, who, email=unique_address(), target=None)
        assert [each.kind for each in writing.notes] == ["email_changed"]


@pytest.mark.parametrize("crash_at", range(6))
async def test_a_crash_during_a_change_leaves_the_old_address_or_the_new_one(
    store: Store, crash_at: int
) -> None:
    house = MailingHouse(store)
    who, new = await house.verified(), unique_address("new")
    await house.change_email(who, new)
    token = house.token()
    await house.ask_reset(who.user["email"])
    reset = house.token()
    crashing = MailingHouse(CrashingStore(store, crash_at=crash_at))
    try:
        await crashing.verify(token)
    except Crash:
        pass
    moved = (await user_of(house, who))["email"] == new
    assert await house.recovery.check(reset) is not moved


async def test_asked_for_by_anybody_a_link_is_mailed_only_to_who_needs_one(store: Store) -> None:
    house = MailingHouse(store)
    unconfirmed, confirmed = (await house.person()).user, (await house.verified()).user
    for address, mails in (
        (unconfirmed["email"].upper(), 1),
        (confirmed["email"], 0),
        (unique_address("nobody"), 0),
    ):
        house.letters.clear()
        async with store.writing() as writing:
            await house.addresses.request_verification(writing, email=address, target="/x")
            assert writing.version > 0
        assert len(house.letters) == mails


def signed(key: str = SECRET, alg: str = "HS256", **claims: Any) -> str:
    """A token as better-auth makes it."""
    now = int(time.time())
    given = {"iat": now, "exp": now + 3600, **claims}
    return jwt.encode({"alg": alg}, given, OctKey.import_key(key), algorithms=[alg])


async def test_a_confirmation_that_better_auth_mailed_works_beside_it(store: Store) -> None:
    house = MailingHouse(store, compat="better-auth")
    who = await house.person()
    claims = {"email": who.user["email"], "userId": str(who.user["_id"])}
    assert await house.verify(signed(**claims))
    assert (await user_of(house, who))["emailVerified"] is True
    assert await house.verify(signed(**claims)), "as there: confirming twice confirms"


async def test_a_change_that_better_auth_mailed_works_once_beside_it(store: Store) -> None:
    house = MailingHouse(store, compat="better-auth")
    who, new = await house.verified(), unique_address("new")
    claims = {"email": who.user["email"], "userId": str(who.user["_id"]), "updateTo": new}
    assert await house.verify(signed(**claims, requestType="change-email-confirmation"))
    assert [(each.kind, each.to) for each in house.letters] == [("change_email", new)]
    assert (await user_of(house, who))["email"] == who.user["email"]
    link = signed(**claims, requestType="change-email-verification")
    assert await house.verify(link)
    assert (await user_of(house, who))["email"] == new
    assert not await house.verify(link)


async def test_a_forged_or_foreign_signed_token_does_nothing(store: Store) -> None:
    house = MailingHouse(store, compat="better-auth")
    who = await house.person()
    email, id = who.user["email"], str(who.user["_id"])
    good = signed(email=email, userId=id)
    header, payload, signature = good.split(".")
    none = "eyJhbGciOiJub25lIn0"
    forged = [
        signed(key="another secret of more than 32 bytes", email=email, userId=id),
        signed(alg="HS384", email=email, userId=id),
        signed(email=email, userId=id, exp=int(time.time()) - 1),
        signed(email=email, userId=id, exp="2999-01-01"),
        signed(email=email, userId="0" * 24),
        signed(email=unique_address("nobody")),
        signed(email=email, updateTo=unique_address(), requestType="change-email-verification"),
        signed(email=email, userId=id, updateTo=unique_address()),
        signed(email=email, userId=id, requestType="something-else"),
        signed(email={"$ne": None}, userId=id),
        signed(session={"user": {"email": email}}),
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        "x" * 10_000,
        "\x00",
        "é.é.é",
    ]
    for token in forged:
        assert not await house.verify(token), token
    assert await user_of(house, who) == who.user
    assert await MailingHouse(store).verify(good) is False, "only beside better-auth"
