"""Every endpoint of organizations, asked by everybody: who may is in one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server
from sessionwire.auth.memberships import member_id
from sessionwire.gateways.auth.routes import ENDPOINTS
from sessionwire.model import ObjectId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

ROLES = ("anonymous", "stranger", "member", "admin", "owner")

Given = dict[str, str]
"""What is sent; `{organization}` and the like stand for ids of somebody's organization."""

HERE = {"organizationId": "{organization}"}
TARGET = {"userId": "{target}", **HERE}
INVITATION = {"invitationId": "{invitation}"}

TABLE: dict[tuple[str, str], tuple[dict[str, Any], tuple[int, int, int, int, int]]] = {
    ("POST", "create"): ({"name": "New", "slug": "{fresh}"}, (401, 200, 200, 200, 200)),
    ("POST", "check-slug"): ({"slug": "{fresh}"}, (401, 200, 200, 200, 200)),
    ("GET", "list"): ({}, (401, 200, 200, 200, 200)),
    ("POST", "set-active"): (HERE, (401, 403, 200, 200, 200)),
    ("GET", "get-full-organization"): (HERE, (401, 403, 200, 200, 200)),
    ("GET", "get-organization"): (HERE, (401, 403, 200, 200, 200)),
    ("POST", "update"): ({"data": {"name": "Ours"}, **HERE}, (401, 400, 403, 200, 200)),
    ("POST", "delete"): (HERE, (401, 400, 403, 403, 200)),
    ("GET", "list-members"): (HERE, (401, 403, 200, 200, 200)),
    ("GET", "get-active-member"): ({}, (401, 200, 200, 200, 200)),
    ("GET", "get-active-member-role"): (TARGET, (401, 403, 200, 200, 200)),
    ("POST", "has-permission"): (
        {"permissions": {"member": ["create"]}, **HERE},
        (401, 401, 200, 200, 200),
    ),
    ("POST", "remove-member"): ({"memberIdOrEmail": "{member}", **HERE}, (401, 400, 401, 200, 200)),
    ("POST", "update-member-role"): (
        {"memberId": "{member}", "role": "admin", **HERE},
        (401, 400, 403, 200, 200),
    ),
    ("POST", "leave"): (HERE, (401, 400, 200, 200, 400)),  # the only owner stays
    ("POST", "invite-member"): (
        {"email": "new@example.com", "role": "admin", **HERE},
        (401, 400, 403, 200, 200),
    ),
    # The invitation is somebody else's: being an owner does not open it.
    ("POST", "accept-invitation"): (INVITATION, (401, 403, 403, 403, 403)),
    ("POST", "reject-invitation"): (INVITATION, (401, 403, 403, 403, 403)),
    ("GET", "get-invitation"): ({"id": "{invitation}"}, (401, 403, 403, 403, 403)),
    ("POST", "cancel-invitation"): (INVITATION, (401, 400, 403, 200, 200)),
    ("GET", "list-invitations"): (HERE, (401, 403, 403, 200, 200)),
    ("GET", "list-user-invitations"): ({}, (401, 200, 200, 200, 200)),
}


@dataclass(frozen=True)
class Cast:
    """Everybody who asks, each with a workspace of their own."""

    server: Server
    browsers: dict[str, Browser]
    users: dict[str, Document]


@pytest.fixture(scope="module")
async def cast(store: Store) -> AsyncIterator[Cast]:
    server = Server(store, settings_with())
    browsers, users = {"anonymous": server.browser()}, {}
    for role in (*ROLES[1:], "target"):
        browsers[role] = server.browser()
        address = unique_address(role)
        await browsers[role].sign_up(address)
        user = await store.find_one("user", {"email": address})
        assert user is not None
        users[role] = user
        async with store.writing() as writing:
            verified = {"$set": {"emailVerified": True}}
            await writing.update_one("user", {"_id": user["_id"]}, verified)
    yield Cast(server, browsers, users)


async def found(cast: Cast) -> Given:
    """A new organization in which each has the role they are named after."""
    id, now = ObjectId(), cast.server.now()
    async with cast.server.store.writing() as writing:
        organization = {"_id": id, "name": "Theirs", "slug": f"theirs-{id}", "createdAt": now}
        await writing.insert_one("organization", organization)
        for name, role in (("member",) * 2, ("admin",) * 2, ("owner",) * 2, ("target", "member")):
            user = cast.users[name]["_id"]
            pair = {"organizationId": id, "userId": user, "role": role, "createdAt": now}
            await writing.insert_one("member", {"_id": member_id(id, user), **pair})
        invitation = {
            "_id": f"invitation{id}",
            "organizationId": id,
            "inviterId": cast.users["owner"]["_id"],
            "email": unique_address("invited"),
            "role": "member",
            "status": "pending",
            "expiresAt": now + timedelta(hours=48),
            "createdAt": now,
        }
        await writing.insert_one("invitation", invitation)
    target = cast.users["target"]["_id"]
    return {
        "organization": str(id),
        "member": str(member_id(id, target)),
        "target": str(target),
        "invitation": f"invitation{id}",
        "fresh": f"fresh-{ObjectId()}",
    }


async def standing(store: Store, given: Given) -> list[Any]:
    id = ObjectId(given["organization"])
    return [
        await store.find_one("organization", {"_id": id}),
        await store.find("member", {"organizationId": id}),
        await store.find("invitation", {"organizationId": id}),
    ]


def filled(value: Any, given: Given) -> Any:
    if isinstance(value, dict):
        return {name: filled(each, given) for name, each in value.items()}
    return value.format(**given) if isinstance(value, str) else value


def test_or_01_the_table_names_every_endpoint() -> None:
    built = {(each.method, each.path) for each in ENDPOINTS if "/organization/" in each.path}
    assert built == {(method, f"/organization/{name}") for method, name in TABLE}


@pytest.mark.parametrize(("method", "name"), TABLE)
async def test_or_01_every_endpoint_asks_who_asks(cast: Cast, method: str, name: str) -> None:
    sent, statuses = TABLE[method, name]
    for role, expected in zip(ROLES, statuses, strict=True):
        given = await found(cast)
        before = await standing(cast.server.store, given)
        browser = cast.browsers[role]
        body = filled(sent, given)
        if method == "POST":
            response = await browser.post(f"/organization/{name}", body)
        else:
            response = await browser.get(f"/organization/{name}?{urlencode(body)}")
        assert response.status_code == expected, (role, response.text)
        if expected != 200:
            assert response.json().keys() == {"message", "code"}
            for kept, now in zip(before, await standing(cast.server.store, given), strict=True):
                assert _plain(kept) == _plain(now), role


def _plain(found: Any) -> Any:
    """Without the counter of the lock, which is no change."""
    if isinstance(found, dict):
        return {name: value for name, value in found.items() if name != "revision"}
    return found


@pytest.mark.parametrize("role", ["stranger", "member"])
async def test_what_is_ones_own_shows_nobody_elses(cast: Cast, role: str) -> None:
    given = await found(cast)
    browser = cast.browsers[role]
    mine = (await browser.get("/organization/get-active-member")).json()
    assert mine["userId"] == str(cast.users[role]["_id"])
    listed = [each["id"] for each in (await browser.get("/organization/list")).json()]
    assert (given["organization"] in listed) is (role == "member")
    assert (await browser.get("/organization/list-user-invitations")).json() == []


@pytest.mark.parametrize("name", ["add-member", "create-team", "list-teams", "set-active-team"])
async def test_what_is_not_offered_is_404(cast: Cast, name: str) -> None:
    response = await cast.browsers["owner"].post(f"/organization/{name}", {})
    assert (response.status_code, response.content) == (404, b"")


OR_02 = {"userId": "{target}", "role": "owner", "orgId": "x", "inviterId": "x", "status": "x"}


async def test_or_02_who_somebody_is_and_may_do_is_not_taken_from_the_body(cast: Cast) -> None:
    given = await found(cast)
    member, owner = cast.browsers["member"], cast.browsers["owner"]
    claimed = filled(OR_02, given)
    body = {**claimed, "name": "Mine", "slug": given["fresh"]}
    made = (await cast.browsers["stranger"].post("/organization/create", body)).json()
    assert [each["userId"] for each in made["members"]] == [str(cast.users["stranger"]["_id"])]
    body = {**claimed, "email": "x@example.com", "role": "member", **filled(HERE, given)}
    assert (await member.post("/organization/invite-member", body)).status_code == 403
    invited = (await owner.post("/organization/invite-member", body)).json()
    assert invited["inviterId"] == str(cast.users["owner"]["_id"])
    assert invited["status"] == "pending"
    body = {"data": {"name": "New", "id": "x", "createdAt": "x", "members": []}}
    updated = (await owner.post("/organization/update", {**body, **filled(HERE, given)})).json()
    assert updated["id"] == given["organization"] and updated["createdAt"] != "x"
