"""Databases that better-auth 1.3, 1.6 and 1.7 wrote, opened in place."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

import pytest
from bson import ObjectId

from better_auth.sites import PASSWORD, Browser, better_auth
from sessionwire.settings import load_settings
from sessionwire.store.mongo import Store
from support.server import run_server

if TYPE_CHECKING:
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@pytest.mark.parametrize("package", ["better-auth-1.3", "better-auth-1.6", "better-auth"])
async def test_everything_in_an_older_database_goes_on(
    mongo: EmbeddedMongo, tmp_path: Path, package: str
) -> None:
    settings = load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
        compat="better-auth",
        active_organization="session",
    )
    async with Browser.opened() as alice, Browser.opened() as bob:
        async with better_auth(settings, tmp_path, package=package) as site:
            theirs = site.address
            await alice.sign_up(theirs, "Alice")
            await bob.sign_up(theirs, "Bob")
            given = {"name": "Acme", "slug": "acme", "metadata": {"plan": "pro"}}
            acme = await alice.post(theirs, "/organization/create", **given)
            invitations = []
            for email in (bob.email, "carol@example.com", "dave@example.com"):
                body = {"email": email, "role": "admin"}
                invitation = await alice.post(theirs, "/organization/invite-member", **body)
                invitations.append(invitation["id"])
        async with Store.open(mongo.uri, database=settings.database) as store:
            kind = str if package == "better-auth" else ObjectId
            assert all(isinstance(each["_id"], kind) for each in await store.find("invitation", {}))
            async with run_server(settings) as running:
                ours = running.address
                await goes_on(ours, alice, bob, acme["id"])
                await invitations_stand(ours, alice, bob, invitations)
                live = await running.live(alice.http)
                await live.subscribe(1, "organization")
                await live.until_shown(1, lambda shown: len(shown["members"]) == 2)
            await store.client.drop_database(settings.database)


async def goes_on(ours: str, alice: Browser, bob: Browser, organization_id: str) -> None:
    """Cookies, the active organization and passwords are what they were."""
    shown = await alice.session(ours)
    assert shown["user"]["email"] == alice.email
    assert shown["session"]["activeOrganizationId"] == organization_id
    (acme,) = await alice.get(ours, "/organization/list")
    assert (acme["id"], acme["metadata"]) == (organization_id, '{"plan":"pro"}')
    async with Browser.opened() as phone:
        await phone.sign_in(ours, bob)
        assert await phone.user_id(ours) == bob.id


async def invitations_stand(ours: str, alice: Browser, bob: Browser, ids: list[str]) -> None:
    """One is accepted, one cancelled, one rejected."""
    accepted, cancelled, rejected = ids
    seen = await bob.get(ours, "/organization/get-invitation", id=accepted)
    assert (seen["organizationName"], seen["inviterEmail"]) == ("Acme", alice.email)
    given = {"invitationId": accepted}
    answer = await bob.post(ours, "/organization/accept-invitation", **given)
    assert answer["member"]["role"] == "admin"
    await alice.post(ours, "/organization/cancel-invitation", invitationId=cancelled)
    async with Browser.opened() as dave:
        body = {"name": "Dave", "email": "dave@example.com", "password": PASSWORD}
        await dave.post(ours, "/sign-up/email", **body)
        await dave.post(ours, "/organization/reject-invitation", invitationId=rejected)
    full = await bob.get(ours, "/organization/get-full-organization")
    assert {each["userId"] for each in full["members"]} == {alice.id, bob.id}
    statuses = {each["id"]: each["status"] for each in full["invitations"]}
    assert statuses == {accepted: "accepted", cancelled: "canceled", rejected: "rejected"}


async def test_the_mode_can_be_left_with_the_password_only(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    settings = load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
    )
    async with (
        Browser.opened() as alice,
        Store.open(mongo.uri, database=settings.database) as store,
    ):
        async with better_auth(settings, tmp_path) as site:
            await alice.sign_up(site.address, "Alice")
            acme = await alice.post(site.address, "/organization/create", name="Acme", slug="acme")
        async with run_server(settings) as running:
            ours = running.address
            assert await alice.user_id(ours) is None
            await alice.sign_in(ours, alice)
            assert await alice.user_id(ours) == alice.id
            (listed,) = await alice.get(ours, "/organization/list")
            assert listed["id"] == acme["id"]
        (account,) = await store.find("account", {})
        assert account["password"].startswith("$argon2id$")
        await store.client.drop_database(settings.database)
