"""Organizations that a live better-auth server and ours share on one database."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from better_auth.pair import AT_ONCE, BOTH_WAYS

if TYPE_CHECKING:
    from better_auth.pair import Pair

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


async def test_an_organization_that_better_auth_makes_active_arrives_live(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    acme = await alice.post(pair.theirs, "/organization/create", name="Acme", slug=alice.id)

    def shows(id: str | None) -> Any:
        return lambda shown: (shown["organization"] or {"id": None})["id"] == id

    await live.until_shown(1, shows(acme["id"]), within=AT_ONCE)
    assert live.shows[1]["role"] == "owner"
    await alice.post(pair.theirs, "/organization/set-active", organizationId=None)
    await live.until_shown(1, shows(None), within=AT_ONCE)
    await alice.post(pair.ours, "/organization/set-active", organizationId=acme["id"])
    await live.until_shown(1, shows(acme["id"]), within=AT_ONCE)
    full = await alice.get(pair.theirs, "/organization/get-full-organization")
    assert full["id"] == acme["id"]


@BOTH_WAYS
async def test_who_one_invites_may_accept_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    alice, bob = await pair.sign_up(other, "Alice"), await pair.sign_up(one, "Bob")
    acme = await alice.post(one, "/organization/create", name="Acme", slug=alice.id)
    live = await pair.watch(alice, "organization")
    body = {"email": bob.email, "role": "member"}
    invitation = await alice.post(one, "/organization/invite-member", **body)
    given = {"invitationId": invitation["id"]}
    accepted = await bob.post(other, "/organization/accept-invitation", **given)
    assert accepted["member"]["role"] == "member"
    await live.until_shown(1, lambda shown: len(shown["members"]) == 2, within=AT_ONCE)
    for site in (one, other):
        full = await bob.get(site, "/organization/get-full-organization")
        assert {each["userId"] for each in full["members"]} == {alice.id, bob.id}
        assert (await bob.session(site))["session"]["activeOrganizationId"] == acme["id"]
        again = await bob.send(site, "/organization/accept-invitation", **given)
        assert again.json()["code"] == "INVITATION_NOT_FOUND"


@BOTH_WAYS
async def test_a_member_whom_one_removes_is_out_at_the_other(pair: Pair, first: str) -> None:
    one, other = pair.sites(first)
    alice, bob = await pair.sign_up(one, "Alice"), await pair.sign_up(other, "Bob")
    await alice.post(other, "/organization/create", name="Acme", slug=alice.id)
    body = {"email": bob.email, "role": "member"}
    invitation = await alice.post(other, "/organization/invite-member", **body)
    given = {"invitationId": invitation["id"]}
    member = (await bob.post(other, "/organization/accept-invitation", **given))["member"]
    live = await pair.watch(bob)
    given = {"memberId": member["id"], "role": "admin"}
    await alice.post(one, "/organization/update-member-role", **given)
    await live.until_shown(1, lambda shown: shown["role"] == "admin", within=AT_ONCE)
    await alice.post(one, "/organization/remove-member", memberIdOrEmail=bob.email)
    await live.until_shown(1, lambda shown: shown["organization"] is None, within=AT_ONCE)
    for site in (one, other):
        full = await alice.get(site, "/organization/get-full-organization")
        assert [each["userId"] for each in full["members"]] == [alice.id]


async def test_who_signs_up_at_better_auth_is_given_a_workspace(pair: Pair) -> None:
    alice = await pair.sign_up(pair.theirs, "Alice")
    live = await pair.watch(alice)
    await live.until_shown(1, lambda shown: shown["user"]["onboarded"])
    assert "onboardedAt" not in (await alice.session(pair.theirs))["user"]
    for site in (pair.ours, pair.theirs):
        assert await alice.user_id(site) == alice.id
        (workspace,) = await alice.get(site, "/organization/list")
        assert workspace["name"] == "Alice's workspace"
        chosen = {"organizationId": workspace["id"]}
        await alice.post(site, "/organization/set-active", **chosen)
        full = await alice.get(site, "/organization/get-full-organization")
        assert [(each["userId"], each["role"]) for each in full["members"]] == [(alice.id, "owner")]
