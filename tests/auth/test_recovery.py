"""Reset links: single-use, of one address, and the end of every session."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from auth.mailing import MailingHouse
from auth.rig import ORIGIN, Crash, CrashingStore, unique_address
from sessionwire.auth.clock import utc_now
from sessionwire.errors import BadRequest, SessionwireError, Unauthorized
from sessionwire.model import ObjectId, Viewer
from sessionwire.policy.passwords import PasswordRules
from sessionwire.reactive.identity import tombstone_id

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store


async def refused(house: MailingHouse, token: str, password: str = "another password") -> str:
    with pytest.raises(BadRequest) as error:
        await house.reset(token, password)
    return error.value.code


async def test_a_link_sets_the_password_and_ends_every_session(store: Store) -> None:
    house = MailingHouse(store)
    first = await house.sign_up()
    second = await house.sign_in(first.user["email"])
    await house.ask_reset(first.user["email"].upper(), target="/reset?x=1")
    letter = house.letters[-1]
    assert (letter.kind, letter.to) == ("reset_password", first.user["email"])
    token = house.token()
    wanted = f"{ORIGIN}/api/auth/reset-password/{token}?callbackURL=%2Freset%3Fx%3D1"
    assert letter.url == wanted
    assert await house.recovery.check(token)
    await house.reset(token)
    for ended in (first, second):
        credential = ended.opened.document["token"]
        assert await house.sessions.find(Viewer(credential)) is None
        stone = await store.find_one("sessionEnd", {"_id": tombstone_id(credential)})
        assert stone is not None and stone["reason"] == "password_changed"
    with pytest.raises(Unauthorized):
        await house.sign_in(first.user["email"])
    await house.sign_in(first.user["email"], "another password")
    assert await refused(house, token) == "INVALID_TOKEN"


async def test_pw_10_only_the_hash_of_a_token_is_kept(store: Store) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    token = house.token()
    assert len(token) >= 22, "128 bits"
    stored = await store.find("verification", {})
    assert token not in str(stored)
    digest = hashlib.sha256(f"reset-password:{token}".encode()).hexdigest()
    assert f"reset-password:{digest}" in str(stored)
    assert await refused(house, digest) == "INVALID_TOKEN"


async def test_pw_10_of_fifty_uses_at_once_one_succeeds(store: Store) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    token = house.token()
    done = await asyncio.gather(
        *(house.reset(token, f"another password {number}") for number in range(50)),
        return_exceptions=True,
    )
    assert done.count(None) == 1
    codes = {each.code for each in done if isinstance(each, SessionwireError)}
    assert codes == {"INVALID_TOKEN"}
    await house.sign_in(entered.user["email"], f"another password {done.index(None)}")


async def test_pw_10_a_newer_link_ends_the_older_also_when_asked_at_once(store: Store) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    older = house.token()
    await asyncio.gather(*(house.ask_reset(entered.user["email"]) for _ in range(20)))
    tokens = []
    for letter in house.letters:
        assert letter.url is not None
        tokens.append(letter.url.rpartition("/")[2].partition("?")[0])
    good = [each for each in tokens if await house.recovery.check(each)]
    assert len(tokens) == 21
    assert len(good) == 1
    assert await refused(house, older) == "INVALID_TOKEN"


async def test_pw_10_a_link_is_good_for_an_hour(store: Store) -> None:
    ahead = timedelta()
    house = MailingHouse(store, clock=lambda: utc_now() + ahead)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    token = house.token()
    ahead = timedelta(minutes=59)
    assert await house.recovery.check(token)
    ahead = timedelta(minutes=61)
    assert not await house.recovery.check(token)
    assert await refused(house, token) == "INVALID_TOKEN"


async def test_pw_10_an_e_mail_change_ends_the_links_of_the_old_address(store: Store) -> None:
    house = MailingHouse(store)
    who = await house.person()
    await house.ask_reset(who.user["email"])
    token = house.token()
    await house.change_email(who, unique_address("moved"))
    assert await refused(house, token) == "INVALID_TOKEN"


async def test_a_link_of_an_address_that_another_program_changed_is_worth_nothing(
    store: Store,
) -> None:
    house = MailingHouse(store)
    who = await house.person()
    await house.ask_reset(who.user["email"])
    async with store.writing() as writing:
        moved = {"$set": {"email": unique_address("moved")}}
        await writing.update_one("user", {"_id": who.user["_id"]}, moved)
    assert not await house.recovery.check(house.token())
    assert await refused(house, house.token()) == "INVALID_TOKEN"


async def test_pw_06_an_unknown_address_is_written_for_as_a_known_one_but_gets_no_mail(
    store: Store,
) -> None:
    house = MailingHouse(store)
    known = (await house.sign_up()).user["email"]
    before = await store.count("verification", {})
    for address, mails in ((known, 1), (unique_address("nobody"), 0)):
        house.letters.clear()
        async with store.writing() as writing:
            await house.recovery.request(writing, email=address, target=None)
            assert writing.version > 0
        assert len(house.letters) == mails
    assert await store.count("verification", {}) == before + 2


async def test_a_refused_password_leaves_the_link_as_good_as_it_was(store: Store) -> None:
    rules = PasswordRules(refuse_common=True)
    house = MailingHouse(store, rules=rules)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    token = house.token()
    own = entered.user["email"].partition("@")[0]
    for password, code in (
        ("short", "PASSWORD_TOO_SHORT"),
        ("x" * 129, "PASSWORD_TOO_LONG"),
        ("iloveyou1", "PASSWORD_COMPROMISED"),
        (own, "PASSWORD_COMPROMISED"),
        ("alice12345", "PASSWORD_COMPROMISED"),
    ):
        assert await refused(house, token, password) == code
    await house.reset(token)


async def social_user(store: Store) -> Document:
    user = {
        "_id": ObjectId(),
        "name": "S",
        "email": unique_address("social"),
        "emailVerified": False,
    }
    async with store.writing() as writing:
        await writing.insert_one("user", user)
        account = {"_id": ObjectId(), "userId": user["_id"], "providerId": "google"}
        await writing.insert_one("account", {**account, "accountId": str(user["_id"])})
    return user


async def test_who_signed_up_with_a_provider_gets_a_password_and_stays_unconfirmed(
    store: Store,
) -> None:
    house = MailingHouse(store)
    user = await social_user(store)
    await house.ask_reset(user["email"])
    await house.reset(house.token())
    entered = await house.sign_in(user["email"], "another password")
    assert entered.user["emailVerified"] is False
    assert await store.count("account", {"userId": user["_id"]}) == 2


@pytest.mark.parametrize("crash_at", range(9))
async def test_a_crash_leaves_either_the_old_password_or_no_session(
    store: Store, crash_at: int
) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    await house.sign_in(entered.user["email"])
    await house.ask_reset(entered.user["email"])
    token = house.token()
    crashing = MailingHouse(CrashingStore(store, crash_at=crash_at))
    try:
        await crashing.reset(token)
    except Crash:
        pass
    sessions = await store.count("session", {"userId": entered.user["_id"]})
    try:
        await house.sign_in(entered.user["email"])
        assert sessions == 2
    except Unauthorized:
        assert sessions == 0
        await house.sign_in(entered.user["email"], "another password")


async def test_a_reset_is_told_as_a_change_of_the_password_once(store: Store) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    async with store.writing() as writing:
        await house.recovery.reset(writing, token=house.token(), password="another password")
        told = [(each.kind, each.reason) for each in writing.notes]
    assert told == [("credential_changed", "password"), ("session_ended", "password_changed")]


async def better_auth_reset(store: Store, user: Document) -> str:
    """A record as better-auth writes it, and its token."""
    token, now = "M0QrQ7b5uQL6P1Cc2N824vUG", utc_now()
    record = {
        "_id": ObjectId(),
        "identifier": f"reset-password:{token}",
        "value": str(user["_id"]),
        "expiresAt": now + timedelta(hours=1),
        "createdAt": now,
        "updatedAt": now,
    }
    async with store.writing() as writing:
        await writing.insert_one("verification", record)
    return token


async def test_a_link_that_better_auth_mailed_works_once_beside_it(store: Store) -> None:
    house = MailingHouse(store, compat="better-auth")
    entered = await house.sign_up()
    token = await better_auth_reset(store, entered.user)
    assert await house.recovery.check(token)
    done = await asyncio.gather(*(house.reset(token) for _ in range(10)), return_exceptions=True)
    assert done.count(None) == 1
    await house.sign_in(entered.user["email"], "another password")


async def test_a_link_that_better_auth_mailed_means_nothing_elsewhere(store: Store) -> None:
    house = MailingHouse(store)
    entered = await house.sign_up()
    token = await better_auth_reset(store, entered.user)
    assert await refused(house, token) == "INVALID_TOKEN"
    async with store.writing() as writing:
        await house.foreign.forget_resets(writing, str(entered.user["_id"]))
    assert await store.count("verification", {"value": str(entered.user["_id"])}) == 0


async def test_beside_better_auth_a_stolen_hash_of_our_own_link_is_no_link(store: Store) -> None:
    house = MailingHouse(store, compat="better-auth")
    entered = await house.sign_up()
    await house.ask_reset(entered.user["email"])
    digest = hashlib.sha256(f"reset-password:{house.token()}".encode()).hexdigest()
    assert await refused(house, digest) == "INVALID_TOKEN"
