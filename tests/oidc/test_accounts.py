"""Whose an account is, how it becomes somebody's, and how it stops to be."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oidc.walk import Walk, address_in, error_in, query_of, server_with
from sessionwire.auth.oidc.identities import account_id
from sessionwire.model import ObjectId, parse_id

if TYPE_CHECKING:
    from gateways.auth.browser import Browser
    from oidc.forger import Forger
    from sessionwire.auth.events import Event
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store


async def accounts_of(browser: Browser) -> list[dict[str, Any]]:
    answer = await browser.get("/list-accounts")
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()
    return shown


async def change(walk: Walk, user: Document, **fields: Any) -> None:
    async with walk.server.store.writing() as writing:
        await writing.update_one("user", {"_id": user["_id"]}, {"$set": fields})


async def test_oi_05_a_subject_of_another_provider_is_another_person(
    store: Store, forger: Forger
) -> None:
    walk = Walk(server_with(store, acme=forger.provider, other=forger.provider), forger)
    sub = address_in()
    mine = await walk.enter(walk.browser(), sub=sub)
    browser = walk.browser()
    sent = query_of(await walk.start(browser, provider="other"))
    claims = forger.claims(nonce=sent["nonce"], sub=sub, email=address_in())
    forger.hand_out(forger.sign(claims))
    answer = await browser.get(f"/callback/other?code=x&state={sent['state']}")
    assert error_in(answer) is None
    assert (await walk.user(browser))["_id"] != mine["_id"]


async def test_oi_05_a_returning_person_needs_no_address(walk: Walk) -> None:
    sub = address_in()
    mine = await walk.enter(walk.browser(), sub=sub)
    browser = walk.browser()
    walk.forger.userinfo = {"sub": sub}
    assert error_in(await walk.round(browser, sub=sub)) is None
    assert (await walk.user(browser))["_id"] == mine["_id"]


@pytest.mark.parametrize("said", [None, False, "true", "True", 1, "1", [True]], ids=repr)
async def test_oi_07_only_true_says_that_an_address_was_verified(walk: Walk, said: object) -> None:
    email = address_in()
    owner = walk.browser()
    user = await walk.enter(owner, sub=f"owner-{email}", email=email)
    assert user["emailVerified"] is True
    answer = await walk.round(
        walk.browser(), sub=f"other-{email}", email=email, email_verified=said
    )
    assert error_in(answer) == "account_not_linked"
    fresh = walk.browser()
    email = address_in()
    assert error_in(await walk.round(fresh, sub=email, email=email, email_verified=said)) is None
    assert (await walk.user(fresh))["emailVerified"] is False


@pytest.mark.parametrize("local", [None, False, "true", 1], ids=repr)
async def test_oi_06_only_true_says_that_a_users_address_was_confirmed(
    walk: Walk, local: object
) -> None:
    email = address_in()
    await walk.browser().sign_up(email)
    user = await walk.server.store.find_one("user", {"email": email})
    assert user is not None
    await change(walk, user, emailVerified=local)
    answer = await walk.round(walk.browser(), sub=email, email=email, email_verified=True)
    assert error_in(answer) == "account_not_linked"


async def test_addresses_that_differ_in_case_are_one(walk: Walk) -> None:
    email = address_in("MiXeD")
    user = await walk.enter(walk.browser(), sub="a" + email, email=email.lower())
    answer = await walk.round(
        browser := walk.browser(), sub="b" + email, email=email.upper(), email_verified=True
    )
    assert error_in(answer) is None
    assert (await walk.user(browser))["_id"] == user["_id"]


async def test_a_password_that_was_never_set_signs_nobody_in(walk: Walk) -> None:
    browser = walk.browser()
    user = await walk.enter(browser, sub=address_in())
    answer = await walk.browser().post(
        "/sign-in/email", {"email": user["email"], "password": "password1234"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")
    body = {"currentPassword": "password1234", "newPassword": "another password"}
    changed = await browser.post("/change-password", body)
    assert (changed.status_code, changed.json()["code"]) == (400, "CREDENTIAL_ACCOUNT_NOT_FOUND")


async def test_a_banned_user_does_not_come_in_by_another_door(walk: Walk) -> None:
    sub = address_in()
    user = await walk.enter(walk.browser(), sub=sub)
    await change(walk, user, banned=True)
    browser = walk.browser()
    before = await walk.server.store.count("session", {"userId": user["_id"]})
    assert error_in(await walk.round(browser, sub=sub, email=user["email"])) == "banned"
    token = walk.forger.sign(walk.forger.claims(sub=sub, email=user["email"]))
    body = {"provider": "acme", "idToken": {"token": token}}
    brought = await browser.post("/sign-in/social", body)
    assert (brought.status_code, brought.json()["code"]) == (403, "BANNED_USER")
    assert await walk.server.store.count("session", {"userId": user["_id"]}) == before


async def test_who_did_not_ask_to_sign_up_does_not(walk: Walk) -> None:
    email = address_in()
    begin = {"requestSignUp": False}
    answer = await walk.round(walk.browser(), begin=begin, sub=email, email=email)
    assert error_in(answer) == "signup_disabled"
    assert await walk.server.store.find_one("user", {"email": email}) is None
    await walk.enter(walk.browser(), sub=email, email=email)
    again = await walk.round(walk.browser(), begin=begin, sub=email, email=email)
    assert error_in(again) is None


async def test_a_provider_may_be_for_those_who_are_here_already(
    store: Store, forger: Forger
) -> None:
    walk = Walk(server_with(store, acme={**forger.provider, "sign_up": False}), forger)
    answer = await walk.round(walk.browser(), sub=address_in(), email=address_in())
    assert error_in(answer) == "signup_disabled"


async def test_an_account_that_outlived_its_user_is_replaced(walk: Walk) -> None:
    sub = address_in()
    user = await walk.enter(walk.browser(), sub=sub)
    async with walk.server.store.writing() as writing:
        await writing.delete_one("user", {"_id": user["_id"]})
    anew = await walk.enter(walk.browser(), sub=sub)
    assert anew["_id"] != user["_id"]
    assert await walk.server.store.count("account", {"accountId": sub}) == 1


async def test_what_cannot_be_written_whole_is_not_written_at_all(walk: Walk) -> None:
    """The account and the user are written together, or neither is."""
    email = address_in()
    async with walk.server.store.writing() as writing:
        await writing.insert_one(
            "account", {"_id": account_id("acme", email), "userId": ObjectId(), "providerId": "x"}
        )
    answer = await walk.round(walk.browser(), sub=email, email=email)
    assert error_in(answer) == "unable_to_create_user"
    assert await walk.server.store.find_one("user", {"email": email}) is None


async def test_one_address_from_two_subjects_at_once_is_one_user(walk: Walk) -> None:
    email = address_in()
    browsers = [walk.browser() for _ in range(6)]
    bodies = []
    for n in range(6):
        claims = walk.forger.claims(sub=f"{n}-{email}", email=email, email_verified=True)
        bodies.append({"provider": "acme", "idToken": {"token": walk.forger.sign(claims)}})
    answers = await asyncio.gather(
        *(each.post("/sign-in/social", body) for each, body in zip(browsers, bodies, strict=True))
    )
    assert [each.status_code for each in answers] == [200] * 6
    assert len({each.json()["user"]["id"] for each in answers}) == 1
    assert await walk.server.store.count("user", {"email": email}) == 1


async def test_tokens_are_forgotten(walk: Walk) -> None:
    (account,) = await walk.accounts(await walk.enter(walk.browser(), sub=address_in()))
    assert account["scope"] == "openid,email,profile"
    assert not account.keys() & {"accessToken", "refreshToken", "idToken", "accessTokenExpiresAt"}


async def test_in_better_auths_database_tokens_are_kept_as_it_keeps_them(
    store: Store, forger: Forger
) -> None:
    walk = Walk(server_with(store, compat="better-auth", acme=forger.provider), forger)
    browser = walk.browser()
    url = await walk.start(browser)
    assert "better-auth.state" in browser.jar
    sub = address_in()
    claims = forger.claims(nonce=query_of(url)["nonce"], sub=sub, email=address_in())
    forger.hand_out(forger.sign(claims), refresh_token="refresh", scope="openid email")
    assert error_in(await walk.back(browser, state=query_of(url)["state"])) is None
    (account,) = await walk.accounts(await walk.user(browser))
    assert account["accessToken"] == "an-access-token-of-these-tests"
    assert account["refreshToken"] == "refresh"
    assert account["scope"] == "openid,email"
    assert timedelta(minutes=4) < account["accessTokenExpiresAt"] - account["createdAt"]
    again = walk.browser()
    sent = query_of(await walk.start(again))
    second = forger.sign({**claims, "nonce": sent["nonce"]})
    forger.hand_out(second, scope="openid")
    assert error_in(await walk.back(again, state=sent["state"])) is None
    (account,) = await walk.accounts(await walk.user(again))
    assert account["idToken"] == second
    assert account["scope"] == "openid,email"


async def test_accounts_are_listed_without_secrets(walk: Walk) -> None:
    browser = walk.browser()
    sub = address_in()
    user = await walk.enter(browser, sub=sub)
    (shown,) = await accounts_of(browser)
    assert shown.keys() == {
        "id", "accountId", "providerId", "userId", "createdAt", "updatedAt", "scopes",
    }  # fmt: skip
    assert (shown["accountId"], shown["userId"]) == (sub, str(user["_id"]))
    assert (await walk.browser().get("/list-accounts")).status_code == 401


# Linking


async def test_oi_06_linking_needs_a_session_that_is_fresh(walk: Walk) -> None:
    body = {"provider": "acme"}
    for path, given in (("/link-social", body), ("/unlink-account", {"accountId": "x"})):
        stranger = await walk.browser().post(path, given)
        assert stranger.status_code == 401
        walk.server.ahead = None
        browser = walk.browser()
        await browser.sign_up(address_in())
        walk.server.ahead = timedelta(hours=24)
        old = await browser.post(path, given)
        assert (old.status_code, old.json()["code"]) == (403, "SESSION_NOT_FRESH")


async def test_oi_06_a_link_ends_in_the_session_that_began_it(walk: Walk) -> None:
    """Signed out, or signed in as somebody else meanwhile: the account is nobody's."""
    sub = address_in()
    for jar in ("nobody", "somebody else"):
        browser = walk.browser()
        await browser.sign_up(address_in())
        sent = query_of(await walk.start(browser, "/link-social"))
        claims = walk.forger.claims(nonce=sent["nonce"], sub=sub, email=address_in())
        walk.forger.hand_out(walk.forger.sign(claims))
        if jar == "nobody":
            await browser.post("/sign-out")
        else:
            await browser.sign_up(address_in())
        answer = await walk.back(browser, state=sent["state"])
        assert error_in(answer) == "unable_to_link_account"
    assert await walk.server.store.count("account", {"accountId": sub}) == 0
    assert walk.forger.forms == []


async def test_oi_06_an_account_of_another_user_is_not_taken_from_them(walk: Walk) -> None:
    sub = address_in()
    theirs = await walk.enter(walk.browser(), sub=sub)
    browser = walk.browser()
    await browser.sign_up(address_in())
    sent = query_of(await walk.start(browser, "/link-social"))
    claims = walk.forger.claims(nonce=sent["nonce"], sub=sub, email=theirs["email"])
    walk.forger.hand_out(walk.forger.sign(claims))
    answer = await walk.back(browser, state=sent["state"])
    assert error_in(answer) == "account_already_linked_to_different_user"
    assert [each["providerId"] for each in await accounts_of(browser)] == ["credential"]


async def test_linking_twice_is_linking_once(walk: Walk) -> None:
    sub, browser = address_in(), walk.browser()
    await browser.sign_up(address_in())
    for _ in range(2):
        sent = query_of(await walk.start(browser, "/link-social"))
        claims = walk.forger.claims(nonce=sent["nonce"], sub=sub, email=address_in())
        walk.forger.hand_out(walk.forger.sign(claims))
        answer = await walk.back(browser, state=sent["state"])
        assert answer.headers["location"] == "/after"
        assert "session_token" not in str(answer.headers.get_list("set-cookie"))
    assert [each["providerId"] for each in await accounts_of(browser)] == ["credential", "acme"]


async def test_a_token_that_a_client_brings_links(walk: Walk) -> None:
    sub, browser = address_in(), walk.browser()
    await browser.sign_up(address_in())
    token = walk.forger.sign(walk.forger.claims(sub=sub, email=address_in()))
    answer = await browser.post("/link-social", {"provider": "acme", "idToken": {"token": token}})
    assert answer.json() == {"url": "", "status": True, "redirect": False}
    assert [each["providerId"] for each in await accounts_of(browser)] == ["credential", "acme"]


# Unlinking


async def linked(walk: Walk) -> Browser:
    """A user with a password and an account."""
    browser = walk.browser()
    await browser.sign_up(address_in())
    token = walk.forger.sign(walk.forger.claims(sub=address_in(), email=address_in()))
    await browser.post("/link-social", {"provider": "acme", "idToken": {"token": token}})
    return browser


async def test_an_account_is_unlinked_but_never_the_last(walk: Walk) -> None:
    browser = await linked(walk)
    password, account = await accounts_of(browser)
    answer = await browser.post("/unlink-account", {"accountId": account["id"]})
    assert (answer.status_code, answer.json()) == (200, {"status": True})
    again = await browser.post("/unlink-account", {"accountId": account["id"]})
    assert (again.status_code, again.json()["code"]) == (400, "ACCOUNT_NOT_FOUND")
    last = await browser.post("/unlink-account", {"accountId": password["id"]})
    assert last.status_code == 400
    assert last.json()["code"] == "FAILED_TO_UNLINK_LAST_ACCOUNT"
    assert [each["providerId"] for each in await accounts_of(browser)] == ["credential"]


async def test_of_two_accounts_that_are_unlinked_at_once_one_stays(walk: Walk) -> None:
    for _ in range(3):
        browser = await linked(walk)
        accounts = await accounts_of(browser)
        answers = await asyncio.gather(
            *(browser.post("/unlink-account", {"accountId": each["id"]}) for each in accounts)
        )
        assert sorted(each.status_code for each in answers) == [200, 400]
        assert len(await accounts_of(browser)) == 1


async def test_an_account_of_a_provider_that_is_gone_is_no_way_to_sign_in(walk: Walk) -> None:
    browser = await linked(walk)
    password, account = await accounts_of(browser)
    async with walk.server.store.writing() as writing:
        await writing.update_one(
            "account", {"_id": parse_id(account["id"])}, {"$set": {"providerId": "gone"}}
        )
    answer = await browser.post("/unlink-account", {"accountId": password["id"]})
    assert answer.json()["code"] == "FAILED_TO_UNLINK_LAST_ACCOUNT"


async def test_nobody_unlinks_another_users_account(walk: Walk) -> None:
    _, account = await accounts_of(await linked(walk))
    for id in (account["id"], account["accountId"], "x"):
        answer = await (await linked(walk)).post("/unlink-account", {"accountId": id})
        assert (answer.status_code, answer.json()["code"]) == (400, "ACCOUNT_NOT_FOUND")


async def test_a_changed_way_to_sign_in_is_told(walk: Walk) -> None:
    told: list[Event] = []
    events = walk.server.backing.events
    events.listen("credential_changed", told.append)

    async def at_once(version: object) -> None:
        pass

    async with events.running(at_once):
        browser = await linked(walk)
        _, account = await accounts_of(browser)
        await browser.post("/unlink-account", {"accountId": account["id"]})
    assert [each.reason for each in told] == ["acme", "acme"]
