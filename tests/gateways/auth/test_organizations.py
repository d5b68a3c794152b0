"""What the answers about organizations, members and invitations hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auth.rig import ORIGIN, settings_with, unique_address
from gateways.auth.browser import Server, names_in
from sessionwire.model import ObjectId

if TYPE_CHECKING:
    from gateways.auth.browser import Browser
    from sessionwire.store.mongo import Store


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


async def owner_of(server: Server, **more: Any) -> tuple[Browser, dict[str, Any]]:
    """Somebody signed in, and the organization that they made."""
    browser = server.browser()
    await browser.sign_up(unique_address("owner"))
    body = {"name": "Acme", "slug": f"acme-{ObjectId()}", **more}
    return browser, (await browser.post("/organization/create", body)).json()


async def invited(
    server: Server, owner: Browser, role: str = "member"
) -> tuple[Browser, dict[str, Any]]:
    """Somebody signed in, and the invitation that the owner sent them."""
    browser, address = server.browser(), unique_address("invited")
    await browser.sign_up(address)
    response = await owner.post("/organization/invite-member", {"email": address, "role": role})
    assert response.status_code == 200, response.text
    return browser, response.json()


async def test_metadata_is_an_object_after_a_change_and_text_elsewhere(server: Server) -> None:
    browser, made = await owner_of(server, metadata={"plan": "pro"})
    assert made["metadata"] == {"plan": "pro"}
    updated = await browser.post("/organization/update", {"data": {"name": "New"}})
    assert updated.json() == {
        "id": made["id"],
        "name": "New",
        "slug": made["slug"],
        "logo": None,
        "metadata": {"plan": "pro"},
        "createdAt": made["createdAt"],
    }
    shown = (await browser.get("/organization/get-organization")).json()
    assert shown["metadata"] == '{"plan":"pro"}'


@pytest.mark.parametrize("metadata", ["no json", "[1]", "", None, 5])
async def test_metadata_of_another_program_is_shown_as_it_can_be(
    server: Server, metadata: Any
) -> None:
    browser, made = await owner_of(server)
    async with server.store.writing() as writing:
        change = {"$set": {"metadata": metadata}}
        await writing.update_one("organization", {"_id": ObjectId(made["id"])}, change)
    updated = await browser.post("/organization/update", {"data": {"name": "New"}})
    assert updated.status_code == 200
    assert updated.json()["metadata"] == (metadata if isinstance(metadata, str) else None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": ""}, "[body.data.name] Too small: expected string to have >=1 characters"),
        ({"slug": 1}, "[body.data.slug] Invalid input: expected string, received number"),
        ({"metadata": "x"}, "[body.data.metadata] Invalid input: expected record, received string"),
        ([], "[body.data] Invalid input: expected object, received array"),
    ],
)
async def test_a_change_that_is_none_is_refused_before_anybody_is_asked_who_they_are(
    server: Server, data: Any, message: str
) -> None:
    response = await server.browser().post("/organization/update", {"data": data})
    assert response.status_code == 400
    assert response.json() == {"message": message, "code": "VALIDATION_ERROR"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"permissions": []},
        {"permissions": {"member": "create"}},
        {"permissions": {"member": [1]}},
        {"permission": None},
    ],
)
async def test_permissions_are_actions_by_resource(server: Server, body: dict[str, Any]) -> None:
    response = await server.browser().post("/organization/has-permission", body)
    assert response.status_code == 400
    assert response.json() == {"message": "[body] Invalid input", "code": "VALIDATION_ERROR"}


async def test_or_06_no_permissions_are_not_granted(server: Server) -> None:
    browser, _ = await owner_of(server)
    grants_nothing: list[dict[str, list[str]]] = [
        {},
        {"member": []},
        {"zzz": ["create"]},
        {"member": ["create", "zzz"]},
    ]
    for wanted in grants_nothing:
        response = await browser.post("/organization/has-permission", {"permissions": wanted})
        assert response.json() == {"error": None, "success": False}


async def test_an_invitation_is_followed_from_the_letter_to_the_membership(server: Server) -> None:
    owner, made = await owner_of(server)
    who, invitation = await invited(server, owner, "admin")
    letter = server.letters[-1]
    assert letter.url == f"{ORIGIN}/accept-invitation?id={invitation['id']}"
    shown = (await who.get(f"/organization/get-invitation?id={invitation['id']}")).json()
    assert shown["organizationName"] == "Acme" and shown["organizationSlug"] == made["slug"]
    accepted = await who.post("/organization/accept-invitation", {"invitationId": invitation["id"]})
    assert accepted.status_code == 200 and names_in(accepted) == []
    assert accepted.json()["member"]["role"] == "admin"
    session = await who.session()
    assert session is not None
    assert session["session"]["activeOrganizationId"] == made["id"]
    mine = (await who.get("/organization/get-active-member")).json()
    assert mine["id"] == accepted.json()["member"]["id"]


async def test_or_04_in_production_an_unconfirmed_address_accepts_nothing(store: Store) -> None:
    server = Server(store, settings_with(verified_invitees=None))
    owner, _ = await owner_of(server)
    who, invitation = await invited(server, owner)
    body = {"invitationId": invitation["id"]}
    refused = await who.post("/organization/accept-invitation", body)
    assert refused.status_code == 403
    assert refused.json()["code"] == "EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION"
    async with store.writing() as writing:
        confirmed = {"$set": {"emailVerified": True}}
        await writing.update_one("user", {"email": invitation["email"]}, confirmed)
    assert (await who.post("/organization/accept-invitation", body)).status_code == 200


async def test_a_deleted_organization_is_shown_once_more_and_then_nowhere(server: Server) -> None:
    owner, made = await owner_of(server)
    who, invitation = await invited(server, owner)
    await who.post("/organization/accept-invitation", {"invitationId": invitation["id"]})
    deleted = await owner.post("/organization/delete", {"organizationId": made["id"]})
    assert deleted.json()["id"] == made["id"]
    for browser in (owner, who):
        session = await browser.session()
        assert session is not None and session["organization"] is None
        assert (await browser.get("/organization/get-full-organization")).json() is None
        listed = (await browser.get("/organization/list")).json()
        assert made["id"] not in [each["id"] for each in listed]
        code = (await browser.get("/organization/get-active-member")).json()["code"]
        assert code == "NO_ACTIVE_ORGANIZATION"
