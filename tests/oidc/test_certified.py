"""The whole way with a certified provider: new people, old ones, links, stolen codes."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest

from oidc.walk import address_in, error_in, query_of, server_with

if TYPE_CHECKING:
    from gateways.auth.browser import Server
    from oidc.certified import Certified
    from sessionwire.store.mongo import Store


@pytest.fixture
def server(store: Store, certified: Certified) -> Server:
    return server_with(store, acme=certified.provider)


def somebody() -> str:
    return f"sub-{secrets.token_hex(6)}"


async def test_a_new_person_becomes_a_user_with_a_workspace(
    server: Server, certified: Certified
) -> None:
    sub, email = somebody(), address_in("New")
    await certified.know(sub, email=email, email_verified=True, name="New Person")
    browser = server.browser()
    response = await certified.round(browser, sub, newUserCallbackURL="/welcome")
    assert response.headers["location"] == "/welcome"
    shown = await browser.session()
    assert shown is not None
    assert shown["user"]["name"] == "New Person"
    assert shown["user"]["email"] == email.lower()
    assert shown["user"]["emailVerified"] is True
    assert shown["organization"]["name"] == "New Person's workspace"
    (account,) = (await browser.get("/list-accounts")).json()
    assert account["providerId"] == "acme" and account["accountId"] == sub
    assert set(account["scopes"]) == {"openid", "email", "profile"}


async def test_oi_05_a_returning_person_is_the_same_user_whatever_their_address_is_now(
    server: Server, certified: Certified
) -> None:
    sub, email = somebody(), address_in()
    await certified.know(sub, email=email, email_verified=True, name="Same")
    first = server.browser()
    await certified.round(first, sub)
    await certified.know(sub, email=address_in("other"), email_verified=True, name="Renamed")
    second = server.browser()
    response = await certified.round(second, sub, newUserCallbackURL="/welcome")
    assert response.headers["location"] == "/after"
    before, after = await first.session(), await second.session()
    assert before is not None and after is not None
    assert after["user"]["id"] == before["user"]["id"]
    assert after["user"]["email"] == email


async def test_oi_05_another_subject_with_the_same_address_is_not_the_same_user(
    server: Server, certified: Certified
) -> None:
    one, other, email = somebody(), somebody(), address_in()
    await certified.know(one, email=email, email_verified=False)
    await certified.know(other, email=email, email_verified=True)
    await certified.round(server.browser(), one)
    browser = server.browser()
    assert error_in(await certified.round(browser, other)) == "account_not_linked"
    assert await browser.session() is None


async def test_oi_06_an_address_that_was_taken_beforehand_gets_nobody_elses_sign_in(
    server: Server, certified: Certified
) -> None:
    """The attack of CVE-2026-53516."""
    email = address_in("victim")
    attacker = server.browser()
    await attacker.sign_up(email)
    sub = somebody()
    await certified.know(sub, email=email, email_verified=True)
    victim = server.browser()
    assert error_in(await certified.round(victim, sub)) == "account_not_linked"
    assert await victim.session() is None
    (account,) = (await attacker.get("/list-accounts")).json()
    assert account["providerId"] == "credential"


async def test_oi_06_an_account_joins_a_user_when_both_sides_proved_the_address(
    server: Server, certified: Certified
) -> None:
    email, sub = address_in(), somebody()
    browser = server.browser()
    await browser.sign_up(email)
    async with server.store.writing() as writing:
        await writing.update_one("user", {"email": email}, {"$set": {"emailVerified": True}})
    await certified.know(sub, email=email, email_verified=False)
    assert error_in(await certified.round(server.browser(), sub)) == "account_not_linked"
    await certified.know(sub, email=email, email_verified=True)
    response = await certified.round(server.browser(), sub, newUserCallbackURL="/welcome")
    assert response.headers["location"] == "/after"
    kinds = [each["providerId"] for each in (await browser.get("/list-accounts")).json()]
    assert kinds == ["credential", "acme"]


async def test_oi_06_a_signed_in_user_links_an_account_with_any_address(
    server: Server, certified: Certified
) -> None:
    sub, browser = somebody(), server.browser()
    await browser.sign_up(address_in())
    await certified.know(sub, email=address_in("elsewhere"), email_verified=False)
    response = await certified.round(browser, sub, path="/link-social")
    assert response.headers["location"] == "/after"
    elsewhere = server.browser()
    await certified.round(elsewhere, sub)
    mine, same = await browser.session(), await elsewhere.session()
    assert mine is not None and same is not None
    assert mine["user"]["id"] == same["user"]["id"]


async def test_oi_04_the_certified_provider_names_itself_and_must(
    server: Server, certified: Certified
) -> None:
    sub = somebody()
    await certified.know(sub, email=address_in(), email_verified=True)
    for changed, code in (
        ({"iss": "https://evil.example"}, "issuer_mismatch"),
        ({"iss": ""}, "issuer_mismatch"),
        ({}, "issuer_missing"),
    ):
        browser = server.browser()
        returned = await certified.walk(browser, sub)
        assert returned.pop("iss") == certified.address
        assert error_in(await certified.back(browser, {**returned, **changed})) == code
        assert await browser.session() is None


async def test_oi_10_another_browser_cannot_use_my_code_and_state(
    server: Server, certified: Certified
) -> None:
    sub = somebody()
    await certified.know(sub, email=address_in("attacker"), email_verified=True)
    attacker, victim = server.browser(), server.browser()
    returned = await certified.walk(attacker, sub)
    assert error_in(await certified.back(victim, returned)) == "state_mismatch"
    assert await victim.session() is None
    # the victim has begun a sign-in of their own
    await certified.walk(victim, sub)
    assert error_in(await certified.back(victim, returned)) == "state_mismatch"
    assert await victim.session() is None
    # and the attacker's is not used up by that
    assert error_in(await certified.back(attacker, returned)) is None


async def test_oi_14_a_callback_that_is_replayed_signs_nobody_in(
    server: Server, certified: Certified
) -> None:
    sub = somebody()
    await certified.know(sub, email=address_in(), email_verified=True)
    browser = server.browser()
    returned = await certified.walk(browser, sub)
    kept = dict(browser.jar)
    assert error_in(await certified.back(browser, returned)) is None
    thief = server.browser()
    thief.jar = kept
    assert error_in(await certified.back(thief, returned)) == "state_mismatch"
    assert await thief.session() is None


async def test_oi_14_of_parallel_callbacks_with_one_code_one_signs_in(
    server: Server, certified: Certified
) -> None:
    sub, email = somebody(), address_in()
    await certified.know(sub, email=email, email_verified=True)
    browser = server.browser()
    returned = await certified.walk(browser, sub)
    twins = [server.browser() for _ in range(8)]
    for each in twins:
        each.jar = dict(browser.jar)
    answers = await asyncio.gather(*(certified.back(each, returned) for each in twins))
    assert sorted(str(error_in(each)) for each in answers) == ["None"] + ["state_mismatch"] * 7
    user = await server.store.find_one("user", {"email": email})
    assert user is not None
    assert await server.store.count("session", {"userId": user["_id"]}) == 1


async def test_oi_14_one_person_in_many_browsers_at_once_is_one_user(
    server: Server, certified: Certified
) -> None:
    sub, email = somebody(), address_in()
    await certified.know(sub, email=email, email_verified=True)
    browsers = [server.browser() for _ in range(6)]
    ways = await asyncio.gather(*(certified.walk(each, sub) for each in browsers))
    answers = await asyncio.gather(
        *(certified.back(each, way) for each, way in zip(browsers, ways, strict=True))
    )
    assert [error_in(each) for each in answers] == [None] * 6
    assert await server.store.count("account", {"accountId": sub}) == 1
    assert await server.store.count("user", {"email": email}) == 1
    shown = [await each.session() for each in browsers]
    assert len({each["user"]["id"] for each in shown if each is not None}) == 1


async def test_a_code_for_another_verifier_is_worth_nothing(
    server: Server, certified: Certified
) -> None:
    """PKCE: a code that was stolen and put behind one's own state."""
    sub = somebody()
    await certified.know(sub, email=address_in(), email_verified=True)
    stolen = await certified.walk(server.browser(), sub)
    thief = server.browser()
    mine = query_of(
        (
            await thief.post("/sign-in/social", {"provider": "acme", "errorCallbackURL": "/oops"})
        ).json()["url"]
    )
    answer = await certified.back(thief, {**stolen, "state": mine["state"]})
    assert error_in(answer) == "invalid_code"
    assert await thief.session() is None
