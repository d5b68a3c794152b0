"""Answering an invitation by forms, without JavaScript."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from auth.rig import settings_with
from gateways.pages.visitor import Site, Visitor, fault, heading

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


async def invite(site: Site, email: str, *, role: str = "admin") -> str:
    """The path in the mail by which Ada invites somebody into an organization."""
    ada = site.visitor()
    await ada.sign_up()
    slug = secrets.token_hex(6)
    body = {"name": "Analytical <Engines>", "slug": slug}
    made = await ada.http.post("/api/auth/organization/create", json=body)
    body = {"email": email, "role": role, "organizationId": made.json()["id"]}
    answer = await ada.http.post("/api/auth/organization/invite-member", json=body)
    assert answer.status_code == 200, answer.text
    guest = site.visitor()
    guest.email = email
    return guest.mailed("invitation")


async def organizations(visitor: Visitor) -> list[str]:
    found = (await visitor.http.get("/api/auth/organization/list")).json()
    return [each["name"] for each in found]


async def test_a_visitor_signs_up_comes_back_and_accepts(site: Site) -> None:
    guest = site.visitor()
    path = await invite(site, guest.email)
    page = await guest.get(path)
    assert heading(page) == "You are invited"
    assert "Analytical" not in page.text
    id = path.partition("id=")[2]
    back = f"%2Faccept-invitation%3Fid%3D{id}"
    assert f'href="/sign-in?redirect={back}"' in page.text
    assert f'href="/sign-up?redirect={back}"' in page.text

    fields = {"name": "Grace", "email": guest.email, "password": "drizzle-basalt-kettle"}
    answer = await guest.submit(f"/sign-up?redirect={back}", fields)
    answer = await guest.get(answer.headers["location"])
    assert answer.headers["location"] == path
    page = await guest.get(path)
    assert heading(page) == "Join Analytical &lt;Engines&gt;"
    assert '<dd data-testid="role">admin</dd>' in page.text
    assert "Ada" in page.text
    assert "Analytical <Engines>" not in await organizations(guest)

    answer = await guest.submit(path, {"answer": "accept"})
    assert answer.headers["location"] == "/auth/after?redirect=%2F"
    shown = await guest.session()
    assert shown is not None
    assert (shown["organization"]["name"], shown["role"]) == ("Analytical <Engines>", "admin")
    page = await guest.get(path)
    assert (page.status_code, heading(page)) == (400, "This invitation cannot be opened")


async def test_an_invitation_is_declined(site: Site) -> None:
    guest = site.visitor()
    path = await invite(site, guest.email)
    await guest.sign_up()
    answer = await guest.submit(path, {"answer": "reject"})
    page = await guest.get(answer.headers["location"])
    assert heading(page) == "You declined the invitation"
    page = await guest.submit(path, {"answer": "accept"})
    assert page.status_code == 400
    assert fault(page).startswith("This invitation has expired, was withdrawn")
    assert await organizations(guest) == ["Ada's workspace"]


async def test_another_account_is_told_whose_it_is_not(site: Site) -> None:
    guest, other = site.visitor(), site.visitor()
    path = await invite(site, guest.email)
    await other.sign_up()
    page = await other.get(path)
    assert page.status_code == 403
    assert heading(page) == "This invitation is for another account"
    assert other.email in page.text
    assert guest.email not in page.text
    assert "Analytical" not in page.text
    page = await other.submit(path, {"answer": "accept"})
    assert page.status_code == 403
    id = path.partition("id=")[2]
    answer = await other.submit(f"/sign-out?redirect=%2Faccept-invitation%3Fid%3D{id}")
    assert answer.headers["location"].startswith("/sign-in?redirect=%2Faccept-invitation%3Fid%3D")


async def test_an_unconfirmed_address_is_sent_to_confirm_itself(store: Store) -> None:
    site = Site(store, settings_with(verified_invitees=True))
    guest = site.visitor()
    path = await invite(site, guest.email)
    await guest.sign_up()
    page = await guest.submit(path, {"answer": "accept"})
    assert page.status_code == 403
    assert fault(page) == "Confirm your email address first. Then open the invitation again."
    assert await organizations(guest) == ["Ada's workspace"]


async def test_an_unknown_invitation_is_explained(site: Site) -> None:
    visitor = site.visitor()
    await visitor.sign_up()
    for path in ("/accept-invitation?id=nothing", "/accept-invitation"):
        page = await visitor.get(path)
        assert (page.status_code, heading(page)) == (400, "This invitation cannot be opened")


async def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(site: Site) -> None:
    guest = site.visitor()
    path = await invite(site, guest.email)
    page = await guest.submit(path, {"answer": "accept"})
    assert (page.status_code, heading(page)) == (401, "You are invited")


async def test_another_site_answers_no_invitation(site: Site) -> None:
    guest = site.visitor()
    path = await invite(site, guest.email)
    await guest.sign_up()
    headers = {"origin": "https://evil.example"}
    page = await guest.submit(path, {"answer": "accept"}, headers=headers)
    assert page.status_code == 403
    assert await organizations(guest) == ["Ada's workspace"]
