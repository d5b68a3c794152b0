"""Signing up by mail: nothing tells a taken address from a free one."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from auth.mailing import MailingHouse
from auth.people import DEVICE
from auth.rig import Crash, CrashingStore, opened_store, unique_address
from sessionwire.auth.accounts import Accounts
from sessionwire.errors import BadRequest, Forbidden, PeerError, Unauthorized
from sessionwire.policy.passwords import PasswordRules

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store


async def register(
    house: MailingHouse, email: str, *, password: str = "password1234", name: str = "Alice"
) -> Document:
    async with house.store.writing() as writing:
        return await house.accounts.register(
            writing, name=name, email=email, password=password, image=None, target=None
        )


async def test_pw_06_a_taken_address_is_answered_like_a_free_one_and_its_owner_told(
    store: Store,
) -> None:
    house, address = MailingHouse(store), unique_address()
    first = await register(house, address)
    second = await register(house, address, password="another password", name="Mallory")
    assert first.keys() == second.keys()
    for user in (first, second):
        assert re.fullmatch("[0-9a-f]{24}", str(user["_id"]))
    assert [(each.kind, each.to) for each in house.letters] == [
        ("verify_email", address),
        ("address_taken", address),
    ]
    assert await store.count("user", {"email": address}) == 1
    assert await store.count("account", {"userId": second["_id"]}) == 0
    await house.sign_in(address)
    with pytest.raises(Unauthorized):
        await house.sign_in(address, "another password")


async def test_pw_12_of_fifty_sign_ups_at_once_there_is_one_user(mongodb_uri: str) -> None:
    async with opened_store(mongodb_uri) as store:
        house = MailingHouse(store)
        registered = await asyncio.gather(
            *(register(house, "race@example.com") for _ in range(25)),
            *(house.sign_up("race@example.com") for _ in range(25)),
            return_exceptions=True,
        )
        codes = {each.code for each in registered if isinstance(each, PeerError)}
        assert codes <= {"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "FAILED_TO_CREATE_USER"}
        assert not [
            each
            for each in registered
            if isinstance(each, BaseException) and not isinstance(each, PeerError)
        ]
        assert await store.count("user", {}) == 1
        assert await store.count("account", {}) == 1


@pytest.mark.parametrize("crash_at", range(4))
async def test_a_crash_while_registering_does_not_block_the_address(
    store: Store, crash_at: int
) -> None:
    address = unique_address("crash")
    try:
        await register(MailingHouse(CrashingStore(store, crash_at=crash_at)), address)
    except Crash:
        pass
    house = MailingHouse(store)
    await register(house, address)
    await house.sign_in(address)
    assert await store.count("user", {"email": address}) == 1


async def test_pw_04_a_password_that_is_easy_to_guess_is_refused_everywhere(store: Store) -> None:
    house = MailingHouse(store, rules=PasswordRules(refuse_common=True))
    with pytest.raises(BadRequest) as refused:
        await register(house, unique_address(), password="iloveyou1")
    assert refused.value.code == "PASSWORD_COMPROMISED"
    assert "Choose" in refused.value.message
    with pytest.raises(BadRequest) as refused:
        await register(house, unique_address(), password="grace1906", name="Grace")
    assert refused.value.code == "PASSWORD_COMPROMISED"
    who = await house.person()
    async with store.writing() as writing:
        with pytest.raises(BadRequest) as refused:
            await house.changes.change(
                writing, who, current="password1234", new="alice2026", device=None
            )
    assert refused.value.code == "PASSWORD_COMPROMISED"


async def test_who_must_confirm_first_gets_a_new_link_for_the_right_password_only(
    store: Store,
) -> None:
    house, address = MailingHouse(store), unique_address()
    house.accounts = Accounts(
        store,
        sessions=house.sessions,
        credentials=house.credentials,
        personal_workspace=True,
        addresses=house.addresses,
        verified_only=True,
    )
    await register(house, address)
    house.letters.clear()
    with pytest.raises(Unauthorized):
        await house.sign_in(address, "wrong-password")
    assert house.letters == []
    async with store.writing() as writing:
        with pytest.raises(Forbidden) as refused:
            await house.accounts.sign_in(
                writing, email=address, password="password1234", device=DEVICE, target="/home"
            )
    assert refused.value.code == "EMAIL_NOT_VERIFIED"
    assert [(each.kind, each.to) for each in house.letters] == [("verify_email", address)]
    assert (house.letters[0].url or "").endswith("callbackURL=%2Fhome")
    assert await house.verify(house.token())
    await house.sign_in(address)
