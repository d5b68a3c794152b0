"""A live better-auth server and ours on one database: each honours what the other did."""

from __future__ import annotations

import secrets
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from better_auth.pair import AT_ONCE, BOTH_WAYS, ended, grow_older
from better_auth.sites import PASSWORD, Browser, better_auth
from sessionwire.settings import load_settings
from sessionwire.store.mongo import Store
from support.server import run_server

if TYPE_CHECKING:
    from pathlib import Path

    from better_auth.pair import Pair
    from sessionwire.store.embedded import EmbeddedMongo

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@BOTH_WAYS
async def test_a_sign_up_at_one_signs_in_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    alice = await pair.sign_up(one, "Alice")
    mine, yours = await alice.session(one), await alice.session(other)
    assert yours["user"]["id"] == mine["user"]["id"] == alice.id
    for name in ("id", "token", "userId", "expiresAt", "createdAt"):
        assert yours["session"][name] == mine["session"][name]
    again = await pair.sign_in(other, alice)
    assert await again.user_id(one) == alice.id


async def test_a_session_of_better_auth_opens_a_live_connection(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    assert live.shows[1]["user"]["id"] == alice.id


async def test_signing_out_at_better_auth_ends_the_live_connection(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    kept = await pair.browser()
    kept.http.cookies.update(alice.http.cookies)
    await alice.post(pair.theirs, "/sign-out")
    bye = await ended(live)
    assert (bye["reason"], bye["retry"]) == ("revoked", False)
    assert await kept.user_id(pair.ours) is None


async def test_signing_out_here_signs_out_at_better_auth(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    kept = await pair.browser()
    kept.http.cookies.update(alice.http.cookies)
    await alice.post(pair.ours, "/sign-out")
    assert (await ended(live))["reason"] == "signed_out"
    assert await kept.user_id(pair.theirs) is None


@BOTH_WAYS
async def test_a_session_is_revoked_by_either(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    laptop = await pair.sign_up(other, "Alice")
    phone = await pair.sign_in(one, laptop)
    live, own = await pair.watch(phone), await pair.watch(laptop)
    token = (await phone.session(one))["session"]["token"]
    await laptop.post(one, "/revoke-session", token=token)
    assert (await ended(live))["reason"] == "revoked"
    assert await phone.user_id(other) is None
    assert await laptop.user_id(other) == laptop.id
    await own.send(op="ping")
    await own.until(lambda frame: frame["op"] == "pong")


@BOTH_WAYS
async def test_a_password_that_one_changes_holds_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    laptop = await pair.sign_up(other, "Alice")
    phone = await pair.sign_in(other, laptop)
    live = await pair.watch(phone)
    body = {"currentPassword": PASSWORD, "newPassword": "another password"}
    await laptop.post(one, "/change-password", **body, revokeOtherSessions=True)
    assert (await ended(live))["reason"] in ("revoked", "password_changed")
    stale = {"email": laptop.email, "password": PASSWORD}
    assert (await phone.send(other, "/sign-in/email", **stale)).status_code == 401
    await phone.post(other, "/sign-in/email", **{**stale, "password": "another password"})
    assert await phone.user_id(one) == laptop.id
    assert await laptop.user_id(other) == laptop.id


async def test_a_link_that_better_auth_mailed_sets_the_password_here(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    await alice.post(pair.theirs, "/request-password-reset", email=alice.email)
    token = pair.site.letter("reset_password", alice.email)["token"]
    given = {"token": token, "newPassword": "another password"}
    await alice.post(pair.ours, "/reset-password", **given)
    assert (await ended(live))["reason"] == "password_changed"
    again = await alice.send(pair.theirs, "/reset-password", **given)
    assert again.json()["code"] == "INVALID_TOKEN"
    body = {"email": alice.email, "password": "another password"}
    await alice.post(pair.theirs, "/sign-in/email", **body)
    assert await alice.user_id(pair.ours) == alice.id


async def test_a_link_that_better_auth_mailed_confirms_the_address_here(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    await alice.post(pair.theirs, "/send-verification-email", email=alice.email)
    token = pair.site.letter("verify_email", alice.email)["token"]
    await alice.get(pair.ours, "/verify-email", token=token)
    await live.until_shown(1, lambda shown: shown["user"]["emailVerified"], within=AT_ONCE)
    assert (await alice.session(pair.theirs))["user"]["emailVerified"] is True


async def test_a_profile_that_better_auth_changes_arrives_live(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    await alice.post(pair.theirs, "/update-user", name="Alicia")
    await live.until_shown(1, lambda shown: shown["user"]["name"] == "Alicia", within=AT_ONCE)
    assert (await alice.session(pair.ours))["user"]["name"] == "Alicia"
    await alice.post(pair.ours, "/update-user", name="Ali")
    assert (await alice.session(pair.theirs))["user"]["name"] == "Ali"


@BOTH_WAYS
async def test_a_session_that_one_extends_is_extended_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    alice = await pair.sign_up(other, "Alice")
    before = (await alice.session(other))["session"]["expiresAt"]
    await grow_older(pair.store, alice, timedelta(days=2))
    assert (await alice.session(one))["session"]["expiresAt"] > before
    query = {"disableRefresh": "true"}
    assert (await alice.get(other, "/get-session", **query))["session"]["expiresAt"] > before


@BOTH_WAYS
async def test_who_is_not_to_be_remembered_is_not_by_either(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    alice = await pair.sign_up(other, "Alice")
    brief = await pair.sign_in(one, alice, rememberMe=False)
    await alice.post(one, "/sign-out")
    end = (await brief.session(one))["session"]["expiresAt"]
    await grow_older(pair.store, brief, timedelta(hours=20))
    seen = (await brief.session(other))["session"]["expiresAt"]
    assert seen < end, "it was not extended"
    assert (await brief.session(one))["session"]["expiresAt"] == seen


@BOTH_WAYS
async def test_an_account_that_one_deletes_is_gone_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    laptop = await pair.sign_up(other, "Alice")
    phone = await pair.sign_in(other, laptop)
    live = await pair.watch(phone)
    await laptop.post(one, "/delete-user", password=PASSWORD)
    assert (await ended(live))["reason"] in ("revoked", "deleted")
    assert await phone.user_id(other) is None
    body = {"email": laptop.email, "password": PASSWORD}
    assert (await phone.send(other, "/sign-in/email", **body)).status_code == 401


async def test_each_counts_the_tries_of_its_own_callers(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    settings = load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
        compat="better-auth",
        rate_limit=True,
    )
    async with Browser.opened() as alice, better_auth(settings, tmp_path) as site:
        await alice.sign_up(site.address, "Alice")
        async with Store.open(mongo.uri, database=settings.database) as store:
            written = await store.find("rateLimit", {})
            assert written, "better-auth keeps its counts in the database"
            async with run_server(settings) as running:
                for name in ("one", "another"):
                    body = {"email": f"{name}@example.com", "password": "wrongwrong"}
                    refused = await alice.send(running.address, "/sign-in/email", **body)
                    assert refused.status_code == 401, refused.text
            assert await store.find("rateLimit", {}) == written
            await store.client.drop_database(settings.database)
