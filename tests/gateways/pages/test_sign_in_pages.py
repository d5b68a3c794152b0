"""Signing in, up and out by forms, without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auth.rig import settings_with
from gateways.pages.visitor import PASSWORD, Site, Visitor, fault, field, heading

if TYPE_CHECKING:
    import httpx

    from sessionwire.store.mongo import Store

AFTER_HOME = "/auth/after?redirect=%2F"
UNSAFE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "http://127.0.0.1:3911@evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.example",
    "/%2f/evil.example",
    "/%252f%252fevil.example",
    "/%5cevil.example",
    "/\tevil",
    "/\r\nset-cookie: x=y",
    "/\x00",
    " /somewhere",
    "somewhere",
    "?x",
    "#x",
    ".//evil.example",
    "/ä",
    "/" + "a" * 3000,
    "",
]


def lines(response: httpx.Response) -> str:
    return "\n".join(response.headers.get_list("set-cookie"))


async def joined(site: Site) -> Visitor:
    """Somebody with an account, who is signed out."""
    visitor = site.visitor()
    assert (await visitor.sign_up()).status_code == 303
    assert (await visitor.submit("/sign-out")).status_code == 303
    return visitor


async def test_signing_up_signs_in_and_goes_on(site: Site) -> None:
    visitor = site.visitor()
    answer = await visitor.sign_up()
    assert (answer.status_code, answer.headers["location"]) == (303, AFTER_HOME)
    assert answer.headers["cache-control"] == "no-store"
    shown = await visitor.session()
    assert shown is not None
    assert (shown["user"]["email"], shown["user"]["name"]) == (visitor.email, "Ada")


async def test_signing_in_goes_to_the_page_that_was_asked_for(site: Site) -> None:
    visitor = await joined(site)
    page = await visitor.get("/sign-in", params={"redirect": "/projects?page=2"})
    assert 'action="/sign-in?redirect=%2Fprojects%3Fpage%3D2"' in page.text
    answer = await visitor.sign_in("/sign-in?redirect=%2Fprojects%3Fpage%3D2")
    assert answer.headers["location"] == "/auth/after?redirect=%2Fprojects%3Fpage%3D2"
    answer = await visitor.get(answer.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects?page=2")


async def test_the_address_may_be_typed_with_blanks_and_capitals(site: Site) -> None:
    visitor = await joined(site)
    answer = await visitor.sign_in(email=f" {visitor.email.upper()} ")
    assert answer.status_code == 303


@pytest.mark.parametrize("target", UNSAFE)
async def test_a_target_elsewhere_becomes_home(site: Site, target: str) -> None:
    visitor = await joined(site)
    page = await visitor.get("/sign-in", params={"redirect": target})
    assert page.status_code == 200
    assert 'action="/sign-in"' in page.text
    answer = await visitor.http.post(
        "/sign-in",
        params={"redirect": target},
        data={"email": visitor.email, "password": PASSWORD},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, AFTER_HOME)
    for path in ("/sign-in", "/sign-up", "/auth/after"):
        answer = await visitor.get(path, params={"redirect": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
    answer = await visitor.http.post("/sign-out", params={"redirect": target})
    assert answer.headers["location"] == "/sign-in?done=signed-out"


async def test_who_is_signed_in_is_sent_on(site: Site) -> None:
    visitor = site.visitor()
    await visitor.sign_up()
    for path in ("/sign-in", "/sign-up"):
        answer = await visitor.get(f"{path}?redirect=%2Fprojects")
        assert (answer.status_code, answer.headers["location"]) == (303, "/projects")


async def test_without_the_tick_the_session_ends_with_the_browser(site: Site) -> None:
    visitor = await joined(site)
    body = {"email": visitor.email, "password": PASSWORD}
    answer = await visitor.submit("/sign-in", body)
    assert "session_token" in lines(answer)
    assert "Max-Age=604800" not in lines(answer)
    assert "dont_remember" in lines(answer)
    assert "Max-Age=604800" in lines(await visitor.sign_in())


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@b.example\nx"])
async def test_what_is_no_address_is_refused_beside_its_field(site: Site, email: str) -> None:
    page = await site.visitor().sign_in(email=email)
    assert page.status_code == 400
    assert "<title>Error: Sign in" in page.text
    assert fault(page) == "Enter an email address, such as name@example.com."
    given = field(page, "email")
    assert (given["aria-invalid"], given["aria-describedby"]) == ("true", "email-fault")
    assert 'id="email-fault"' in page.text
    assert field(page, "password").get("aria-invalid") is None


async def test_a_wrong_password_and_an_unknown_address_look_the_same(site: Site) -> None:
    visitor, stranger = await joined(site), site.visitor()
    pages = [
        await visitor.sign_in(password="not-the-password"),
        await stranger.sign_in(password="not-the-password"),
    ]
    for page, email in zip(pages, (visitor.email, stranger.email), strict=True):
        assert page.status_code == 401
        assert fault(page) == "This email address and password do not match."
        assert field(page, "email")["value"] == email
        assert field(page, "password")["value"] == ""
        assert "not-the-password" not in page.text
        assert "session_token" not in lines(page)
    first, second = (
        page.text.replace(email, "")
        for page, email in zip(pages, (visitor.email, stranger.email), strict=True)
    )
    assert first == second


async def test_the_tick_stays_as_it_was_set(site: Site) -> None:
    visitor = site.visitor()
    assert "checked" in field(await visitor.get("/sign-in"), "remember")
    assert "checked" in field(await visitor.sign_in(), "remember")
    page = await visitor.submit("/sign-in", {"email": visitor.email, "password": "x"})
    assert "checked" not in field(page, "remember")


async def test_a_suspended_account_is_told_so(site: Site, store: Store) -> None:
    visitor = await joined(site)
    async with store.writing() as writing:
        await writing.update_one("user", {"email": visitor.email}, {"$set": {"banned": True}})
    page = await visitor.sign_in()
    assert (page.status_code, fault(page)) == (403, "This account has been suspended.")


async def test_too_many_tries_are_told_when_to_come_back(store: Store) -> None:
    visitor = Site(store, settings_with(rate_limit=True)).visitor()
    for _ in range(40):
        page = await visitor.sign_in(password="not-the-password")
        if page.status_code != 401:
            break
    assert page.status_code == 429
    assert fault(page).startswith("Too many attempts. Try again in ")
    assert int(page.headers["retry-after"]) > 0
    assert field(page, "email")["value"] == visitor.email


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/sign-out"])
async def test_a_form_of_another_site_is_refused_and_fills_nothing_in(
    site: Site, path: str
) -> None:
    visitor = await joined(site)
    await visitor.sign_in()
    fields = {"name": "Eve", "email": visitor.email, "password": PASSWORD}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
    ):
        page = await visitor.submit(path, fields, headers=headers)
        assert page.status_code == 403, headers
        assert fault(page).startswith("This form was not sent from this site.")
        assert visitor.email not in page.text
        assert "Eve" not in page.text
        assert "session_token" not in lines(page)
    assert await visitor.session() is not None


async def test_a_stranger_is_not_signed_in_by_another_site(site: Site) -> None:
    known = await joined(site)
    stranger = site.visitor(**{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    page = await stranger.sign_in(email=known.email)
    assert page.status_code == 403
    assert await stranger.session() is None


async def test_a_form_without_a_referrer_is_ours_when_the_browser_says_so(site: Site) -> None:
    visitor = await joined(site)
    visitor.http.headers.update({"origin": "null", "sec-fetch-site": "same-origin"})
    assert (await visitor.sign_in()).status_code == 303


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({"name": " "}, "name", "Enter your name."),
        ({"email": "nobody"}, "email", "Enter an email address, such as name@example.com."),
        ({"password": "short"}, "password", "Use at least 8 characters."),
        ({"password": "x" * 129}, "password", "Use at most 128 characters."),
    ],
)
async def test_what_is_wrong_with_a_sign_up_is_said_beside_its_field(
    site: Site, fields: dict[str, str], name: str, said: str
) -> None:
    visitor = site.visitor()
    page = await visitor.sign_up(**fields)
    assert (page.status_code, fault(page)) == (400, said)
    assert field(page, name)["aria-invalid"] == "true"
    assert field(page, "password")["value"] == ""
    if "email" not in fields:
        assert field(page, "email")["value"] == visitor.email
    assert await visitor.session() is None


async def test_a_guessable_password_is_refused(store: Store) -> None:
    site = Site(store, settings_with(refuse_common_passwords=True))
    page = await site.visitor().sign_up(password="password1")
    assert page.status_code == 400
    assert fault(page).startswith("This password is among the first that are guessed.")
    assert field(page, "password")["aria-invalid"] == "true"


async def test_a_taken_address_is_refused_with_what_was_typed(site: Site) -> None:
    visitor = await joined(site)
    page = await visitor.sign_up(name="Eve")
    assert page.status_code == 400
    assert fault(page).startswith("There is an account with this address already.")
    assert (field(page, "name")["value"], field(page, "email")["value"]) == ("Eve", visitor.email)


async def test_where_addresses_are_confirmed_a_taken_one_looks_like_a_new_one(
    store: Store,
) -> None:
    site = Site(store, settings_with(require_email_verification=True))
    visitor = site.visitor()
    for name in ("Ada", "Eve"):
        answer = await visitor.sign_up(name=name)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-up?done=sent")
        assert "session_token" not in lines(answer)
    assert heading(await visitor.get("/sign-up?done=sent")) == "Look into your mail"
    page = await visitor.sign_in()
    assert (page.status_code, fault(page)[:26]) == (403, "Confirm your address first")
    assert 'href="/verify-email"' in page.text


async def test_where_sign_up_is_closed_the_page_says_so(store: Store) -> None:
    visitor = Site(store, settings_with(sign_up=False)).visitor()
    page = await visitor.get("/sign-up")
    assert heading(page) == "New accounts are not taken here"
    assert "/sign-up" not in (await visitor.get("/sign-in")).text
    page = await visitor.sign_up()
    assert (page.status_code, fault(page)) == (400, "New accounts are not taken here.")
    assert await visitor.session() is None


async def test_what_was_typed_cannot_become_markup(site: Site) -> None:
    page = await site.visitor().sign_up(name='"><script>x</script>', password="short")
    assert "<script>x" not in page.text
    assert field(page, "name")["value"] == '"><script>x</script>'


async def test_signing_out_ends_the_session_and_says_so(site: Site) -> None:
    visitor = site.visitor()
    await visitor.sign_up()
    assert heading(await visitor.get("/sign-out")) == "Sign out?"
    assert await visitor.session() is not None
    answer = await visitor.submit("/sign-out?redirect=%2Fprojects")
    assert answer.headers["location"] == "/sign-in?redirect=%2Fprojects&done=signed-out"
    assert "session_token=; Max-Age=0" in lines(answer)
    assert await visitor.session() is None
    assert "You have signed out." in (await visitor.get(answer.headers["location"])).text


async def test_a_failed_sign_in_elsewhere_is_explained(site: Site) -> None:
    page = await site.visitor().get("/sign-in?error=account_not_linked")
    assert fault(page).startswith("There is an account with this address already.")
    page = await site.visitor().get("/sign-in?error=%3Cscript%3Ealert(1)")
    assert fault(page).startswith("Something went wrong.")
    assert "alert(1)" not in page.text


async def test_providers_are_offered_by_name(store: Store) -> None:
    keycloak = {"issuer": "https://id.example.com", "client_id": "x", "name": "The <Company>"}
    site = Site(
        store,
        settings_with(google_client_id="x", google_client_secret="y", oidc={"keycloak": keycloak}),
    )
    page = await site.visitor().get("/sign-in?redirect=%2Fprojects")
    assert 'action="/sign-in/google?redirect=%2Fprojects"' in page.text
    assert 'action="/sign-in/keycloak?redirect=%2Fprojects"' in page.text
    assert "Continue with The &lt;Company&gt;" in page.text


async def test_an_unknown_provider_is_refused_on_the_sign_in_page(site: Site) -> None:
    visitor = site.visitor()
    answer = await visitor.get("/sign-in/nobody?redirect=%2Fprojects")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?redirect=%2Fprojects",
    )
    page = await visitor.submit("/sign-in/nobody")
    assert page.status_code == 404
    assert fault(page) == "This way of signing in does not exist here."
    assert field(page, "email")["type"] == "email"
