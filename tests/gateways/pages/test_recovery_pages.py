"""A forgotten password and an unconfirmed address, by forms, without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from gateways.pages.visitor import PASSWORD, Site, Visitor, fault, field, heading

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

NEW = "marble-lantern-otter"


async def forgetful(site: Site) -> tuple[Visitor, str]:
    """Somebody with an account, in another browser, and the page their mail leads to."""
    visitor = site.visitor()
    await visitor.sign_up()
    elsewhere = site.visitor()
    elsewhere.email = visitor.email
    answer = await elsewhere.submit("/forgot-password", {"email": f" {visitor.email.upper()} "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/forgot-password?done=sent")
    landed = await elsewhere.get(elsewhere.mailed("reset_password"))
    assert landed.status_code == 302
    address = urlsplit(landed.headers["location"])
    return elsewhere, f"{address.path}?{address.query}"


async def verified(store: Store, email: str) -> bool:
    user = await store.find_one("user", {"email": email})
    assert user is not None
    return user["emailVerified"] is True


async def test_an_unknown_address_is_answered_like_a_known_one(site: Site) -> None:
    visitor, _ = await forgetful(site)
    known = await visitor.submit("/forgot-password", {"email": visitor.email})
    unknown = await visitor.submit("/forgot-password", {"email": site.visitor().email})
    assert known.status_code == unknown.status_code == 303
    assert known.headers["location"] == unknown.headers["location"]
    page = await visitor.get(unknown.headers["location"])
    assert heading(page) == "Look into your mail"
    assert "If there is an account with this address" in page.text


async def test_what_is_no_address_is_refused_beside_its_field(site: Site) -> None:
    page = await site.visitor().submit("/forgot-password", {"email": "nobody<"})
    assert page.status_code == 400
    assert fault(page) == "Enter an email address, such as name@example.com."
    assert field(page, "email")["value"] == "nobody<"
    assert not site.letters


async def test_a_link_sets_a_password_once_and_signs_everybody_out(site: Site) -> None:
    visitor, path = await forgetful(site)
    page = await visitor.get(path)
    assert (page.status_code, heading(page)) == (200, "Set a new password")
    answer = await visitor.submit(path, {"password": NEW, "again": NEW})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?done=password")
    page = await visitor.get(answer.headers["location"])
    assert "Your password is changed. Sign in with the new one." in page.text
    assert (await visitor.sign_in()).status_code == 401
    assert (await visitor.sign_in(password=NEW)).status_code == 303
    page = await visitor.submit(path, {"password": "another-lantern-otter", "again": NEW})
    assert page.status_code == 400
    page = await visitor.submit(path, {"password": PASSWORD, "again": PASSWORD})
    assert (page.status_code, heading(page)) == (400, "This link is not valid any more")
    assert (await visitor.sign_in(password=NEW)).status_code == 303


async def test_looking_at_the_page_does_not_use_the_link_up(site: Site) -> None:
    visitor, path = await forgetful(site)
    for _ in range(3):
        assert heading(await visitor.get(path)) == "Set a new password"
        assert (await visitor.http.head(path)).status_code == 200
    answer = await visitor.submit(path, {"password": NEW, "again": NEW})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "name", "said"),
    [
        ("short", "short", "password", "Use at least 8 characters."),
        ("x" * 129, "x" * 129, "password", "Use at most 128 characters."),
        (NEW, "something else", "again", "The two passwords are not the same."),
        ("", "", "password", "Use at least 8 characters."),
    ],
)
async def test_a_refused_password_leaves_the_link_good(
    site: Site, password: str, again: str, name: str, said: str
) -> None:
    visitor, path = await forgetful(site)
    page = await visitor.submit(path, {"password": password, "again": again})
    assert (page.status_code, fault(page)) == (400, said)
    assert field(page, name)["aria-invalid"] == "true"
    assert field(page, "password")["value"] == field(page, "again")["value"] == ""
    assert (await visitor.submit(path, {"password": NEW, "again": NEW})).status_code == 303


@pytest.mark.parametrize("query", ["?token=", "?token=nothing", "?error=INVALID_TOKEN"])
async def test_a_bad_link_says_what_to_do(site: Site, query: str) -> None:
    page = await site.visitor().get(f"/reset-password{query}")
    assert (page.status_code, heading(page)) == (400, "This link is not valid any more")
    assert 'href="/forgot-password"' in page.text


async def test_without_a_link_the_page_asks_for_one(site: Site) -> None:
    page = await site.visitor().get("/reset-password")
    assert (page.status_code, heading(page)) == (200, "Set a new password")
    assert 'href="/forgot-password"' in page.text and "<form" not in page.text


async def test_another_site_sets_no_password(site: Site) -> None:
    visitor, path = await forgetful(site)
    headers = {"origin": "https://evil.example"}
    page = await visitor.submit(path, {"password": NEW, "again": NEW}, headers=headers)
    assert page.status_code == 403
    assert (await visitor.sign_in()).status_code == 303


async def test_a_link_confirms_an_address_when_its_button_is_pressed(
    site: Site, store: Store
) -> None:
    visitor = site.visitor()
    await visitor.sign_up()
    page = await visitor.get("/verify-email")
    assert visitor.email in page.text
    answer = await visitor.submit("/verify-email", {"send": "yes"})
    assert answer.headers["location"] == "/verify-email?done=sent"
    path = visitor.mailed("verify_email")
    assert path.startswith("/verify-email?token=")
    scanner = site.visitor()
    for _ in range(2):
        assert heading(await scanner.get(path)) == "Confirm your email address"
    assert not await verified(store, visitor.email)
    answer = await scanner.submit(path, {"confirm": "yes"})
    assert answer.headers["location"] == "/verify-email?done=confirmed"
    assert await verified(store, visitor.email)
    assert heading(await scanner.get(answer.headers["location"])) == "Your address is confirmed"
    assert heading(await visitor.get("/verify-email")) == "Your address is confirmed"
    page = await scanner.submit(path, {"confirm": "yes"})
    assert (page.status_code, heading(page)) == (400, "This link is not valid any more")
    assert fault(page).startswith("This link has expired or was used already.")


async def test_a_new_link_is_sent_to_who_asks_by_address(site: Site, store: Store) -> None:
    visitor, stranger = site.visitor(), site.visitor()
    await visitor.sign_up()
    site.letters.clear()
    for email in (visitor.email, stranger.email):
        answer = await stranger.submit("/verify-email", {"email": email, "send": "yes"})
        assert answer.headers["location"] == "/verify-email?done=sent"
    assert [each.to for each in site.letters] == [visitor.email]
    page = await stranger.submit("/verify-email", {"email": "nobody", "send": "yes"})
    assert page.status_code == 400
    assert field(page, "email")["aria-invalid"] == "true"


async def test_the_apis_bad_link_lands_on_a_page_that_helps(site: Site) -> None:
    page = await site.visitor().get("/verify-email?error=INVALID_TOKEN")
    assert heading(page) == "This link is not valid any more"
    assert field(page, "email")["type"] == "email"
