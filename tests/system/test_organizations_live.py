"""Invitations, acceptances and deletions arrive on the socket of whoever looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from support.server import LiveClient, Running


async def organization_of(http: httpx.AsyncClient) -> str:
    body = {"name": "Acme", "slug": "acme"}
    made = await http.post("/api/auth/organization/create", json=body)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


async def invite(http: httpx.AsyncClient, email: str) -> str:
    body = {"email": email, "role": "member"}
    sent = await http.post("/api/auth/organization/invite-member", json=body)
    assert sent.status_code == 200, sent.text
    return str(sent.json()["id"])


async def looking(server: Running, http: httpx.AsyncClient, *queries: str) -> LiveClient:
    live = await server.live(http)
    for number, query in enumerate(queries, 1):
        await live.subscribe(number, query)
    return live


async def test_an_invitation_arrives_and_its_acceptance_and_its_cancellation(
    server: Running,
) -> None:
    owner, guest = await server.sign_up("Owner"), await server.sign_up("Guest")
    id = await organization_of(owner)
    live = await looking(server, owner, "organization")
    theirs = await looking(server, guest, "session", "organizations")
    await live.until_shown(1, lambda shown: shown["id"] == id and shown["invitations"] == [])

    invitation, other = await invite(owner, "guest@example.com"), await invite(owner, "x@y.example")
    await live.until_shown(
        1, lambda shown: {each["id"] for each in shown["invitations"]} == {invitation, other}
    )

    body = {"invitationId": invitation}
    accepted = await guest.post("/api/auth/organization/accept-invitation", json=body)
    assert accepted.status_code == 200, accepted.text
    shown = await live.until_shown(1, lambda shown: len(shown["members"]) == 2)
    by_id = {each["id"]: each["status"] for each in shown["invitations"]}
    assert by_id == {invitation: "accepted", other: "pending"}  # of one moment
    session = await theirs.until_shown(1, lambda shown: shown["organization"] is not None)
    session = await theirs.until_shown(1, lambda shown: shown["organization"]["id"] == id)
    assert session["role"] == "member"
    await theirs.until_shown(2, lambda shown: id in [each["id"] for each in shown])

    body = {"invitationId": other}
    assert (await owner.post("/api/auth/organization/cancel-invitation", json=body)).is_success
    await live.until_shown(
        1, lambda shown: "canceled" in [each["status"] for each in shown["invitations"]]
    )


async def test_a_deleted_organization_leaves_every_socket_at_once(server: Running) -> None:
    owner, guest = await server.sign_up("Owner"), await server.sign_up("Guest")
    id = await organization_of(owner)
    body = {"invitationId": await invite(owner, "guest@example.com")}
    assert (await guest.post("/api/auth/organization/accept-invitation", json=body)).is_success
    sockets = [
        await looking(server, http, "session", "organization", "organizations")
        for http in (owner, guest)
    ]
    for live in sockets:
        await live.until_shown(2, lambda shown: shown is not None and shown["id"] == id)
    deleted = await owner.post("/api/auth/organization/delete", json={"organizationId": id})
    assert deleted.status_code == 200, deleted.text
    for live in sockets:
        await live.until_shown(2, lambda shown: shown is None)
        assert live.shows[1]["organization"] is None  # in the same frame
        assert live.shows[1]["session"]["activeOrganizationId"] is None
        assert id not in [each["id"] for each in live.shows[3]]
