"""Over HTTP: forgotten passwords, addresses confirmed and changed."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from auth.mailing import token_in
from auth.rig import ORIGIN, settings_with, unique_address
from gateways.auth.browser import Browser, Server

if TYPE_CHECKING:
    import httpx

    from sessionwire.store.mongo import Store

INVALID = {"message": "Invalid token", "code": "INVALID_TOKEN"}


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


def kept(server: Server) -> list[tuple[str, str]]:
    return [(each.kind, each.to) for each in server.letters]


async def opened(browser: Browser, url: str | None) -> httpx.Response:
    """What a browser gets that follows the link of a letter."""
    assert url is not None and url.startswith(f"{ORIGIN}/api/auth")
    return await browser.get(url.removeprefix(f"{ORIGIN}/api/auth"))


async def test_a_forgotten_password_is_replaced_by_the_link_of_a_mail(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    elsewhere = server.browser()
    asked = await elsewhere.post(
        "/request-password-reset", {"email": address, "redirectTo": "/reset?from=mail"}
    )
    assert asked.json() == {
        "status": True,
        "message": "If this email exists in our system, check your email for the reset link",
    }
    there = await opened(elsewhere, server.letters[-1].url)
    assert there.status_code == 302
    token = token_in(server.letters[-1])
    assert there.headers["location"] == f"{ORIGIN}/reset?from=mail&token={token}"
    body = {"newPassword": "another password", "token": token}
    assert (await elsewhere.post("/reset-password", body)).json() == {"status": True}
    assert await browser.session() is None, "SE-07"
    assert (await elsewhere.post("/reset-password", body)).json() == INVALID
    there = await opened(elsewhere, server.letters[-1].url)
    assert there.headers["location"] == f"{ORIGIN}/reset?from=mail&error=INVALID_TOKEN"
    await elsewhere.sign_in(address, password="another password")


async def test_the_token_may_stand_in_the_query(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/request-password-reset", {"email": address})
    token = token_in(server.letters[-1])
    path = f"/reset-password?token={token}"
    assert (await browser.post(path, {"newPassword": "another password"})).status_code == 200
    assert (await browser.post("/reset-password", {"newPassword": "x" * 9})).json() == INVALID


async def test_looking_at_a_reset_link_changes_nothing(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/request-password-reset", {"email": address})
    before = await server.store.find("verification", {})
    for _ in range(3):
        response = await opened(browser, server.letters[-1].url)
        assert "token=" in response.headers["location"]
    assert await server.store.find("verification", {}) == before


@pytest.mark.parametrize("path", ["/reset-password/abc", "/verify-email?token=abc"])
@pytest.mark.parametrize("target", ["https://evil.test", "//evil.test", "/\\evil.test", "evil"])
async def test_oi_09_no_link_leads_to_a_foreign_page(
    server: Server, path: str, target: str
) -> None:
    mark = "&" if "?" in path else "?"
    response = await server.browser().get(f"{path}{mark}callbackURL={target}")
    assert response.status_code == 403
    assert response.json()["code"] == "INVALID_CALLBACK_URL"
    assert "location" not in response.headers


async def test_oi_08_links_are_built_from_the_settings_whatever_the_host_says(
    server: Server,
) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    spoofed = {"host": "evil.test", "x-forwarded-host": "evil.test", "x-forwarded-proto": "https"}
    await browser.post("/request-password-reset", {"email": address}, **spoofed)
    assert (server.letters[-1].url or "").startswith(f"{ORIGIN}/")
    assert "evil" not in server.letters[-1].text


@pytest.mark.hashing
async def test_pw_06_a_reset_is_answered_alike_and_in_the_same_time(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    answers, times = set(), dict[str, list[float]](known=[], unknown=[])
    for number in range(30):
        for kind, email in (("known", address), ("unknown", f"nobody-{number}@example.com")):
            began = time.perf_counter()
            response = await browser.post("/request-password-reset", {"email": email})
            times[kind].append(time.perf_counter() - began)
            headers = {name for name in response.headers if name != "date"}
            answers.add((response.status_code, response.text, frozenset(headers)))
    assert len(answers) == 1
    known, unknown = statistics.median(times["known"]), statistics.median(times["unknown"])
    assert abs(known - unknown) < 0.5 * max(known, unknown)


async def test_an_address_is_confirmed_and_nobody_signed_in(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    body = {"email": address, "callbackURL": "/done?a=1"}
    assert (await browser.post("/send-verification-email", body)).json() == {"status": True}
    stranger = server.bare()
    response = await opened(stranger, server.letters[-1].url)
    assert (response.status_code, response.headers["location"]) == (302, "/done?a=1")
    assert await stranger.session() is None
    session = await browser.session()
    assert session is not None and session["user"]["emailVerified"] is True
    response = await opened(stranger, server.letters[-1].url)
    assert response.headers["location"] == "/done?a=1&error=INVALID_TOKEN"
    again = await browser.post("/send-verification-email", body)
    assert again.json()["code"] == "EMAIL_ALREADY_VERIFIED"
    other = await browser.post("/send-verification-email", {"email": unique_address()})
    assert other.json()["code"] == "EMAIL_MISMATCH"


async def test_without_a_target_a_confirmation_is_answered_with_the_user(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/send-verification-email", {"email": address})
    path = f"/verify-email?token={token_in(server.letters[-1])}"
    answer = (await server.bare().get(path)).json()
    assert answer["status"] is True
    assert (answer["user"]["email"], answer["user"]["emailVerified"]) == (address, True)
    refused = await server.bare().get(path)
    assert (refused.status_code, refused.json()) == (401, INVALID)


async def test_pw_06_anybody_may_ask_for_a_confirmation_and_learns_nothing(
    server: Server,
) -> None:
    address = unique_address()
    await server.browser().sign_up(address)
    for email in (address, unique_address("nobody")):
        response = await server.bare().post("/send-verification-email", {"email": email})
        assert (response.status_code, response.json()) == (200, {"status": True})
    assert kept(server) == [("verify_email", address)]


async def verified(server: Server) -> tuple[Browser, str]:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/send-verification-email", {"email": address})
    await browser.get(f"/verify-email?token={token_in(server.letters[-1])}")
    server.letters.clear()
    return browser, address


async def test_a_confirmed_address_is_changed_by_the_link_of_a_mail(server: Server) -> None:
    browser, old = await verified(server)
    new = unique_address("new")
    body = {"newEmail": new, "callbackURL": "/settings"}
    response = await browser.post("/change-email", body)
    assert response.json() == {"status": True}
    assert not any("session_token" in each for each in response.headers.get_list("set-cookie"))
    assert kept(server) == [("change_email", new)]
    parts = urlsplit(server.letters[0].url or "")
    assert parse_qs(parts.query)["callbackURL"] == ["/settings"]
    followed = await opened(server.bare(), server.letters[0].url)
    assert followed.headers["location"] == "/settings"
    session = await browser.session()
    assert session is not None and session["user"]["email"] == new
    assert kept(server)[-1] == ("email_changed", old)


async def test_an_unconfirmed_address_is_changed_at_once(server: Server) -> None:
    browser, new = server.browser(), unique_address("new")
    await browser.sign_up(unique_address())
    response = await browser.post("/change-email", {"newEmail": new.upper()})
    assert response.json() == {"status": True}
    assert any("session_token" in each for each in response.headers.get_list("set-cookie"))
    session = await browser.session()
    assert session is not None and session["user"]["email"] == new
    same = await browser.post("/change-email", {"newEmail": new})
    assert (same.status_code, same.json()["code"]) == (400, "EMAIL_IS_THE_SAME")


@pytest.mark.parametrize(
    "value", [{"$ne": None}, {"$regex": ".*"}, ["a@b.cd"], 5, None, True, "a@b.cd,c@d.ef"]
)
@pytest.mark.parametrize(
    ("path", "field", "more"),
    [
        ("/request-password-reset", "email", {}),
        ("/send-verification-email", "email", {}),
        ("/change-email", "newEmail", {}),
        ("/reset-password", "token", {"newPassword": "another password"}),
        ("/delete-user", "token", {}),
    ],
)
async def test_db_01_nothing_but_a_text_reaches_a_filter(
    server: Server, path: str, field: str, more: dict[str, Any], value: object
) -> None:
    browser = server.browser()
    await browser.sign_up(unique_address())
    response = await browser.post(path, {field: value, **more})
    assert response.status_code in (400, 404)
    assert response.json()["code"] in ("VALIDATION_ERROR", "INVALID_TOKEN")
    assert server.letters == []


async def test_pw_10_of_many_resets_over_http_one_succeeds(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/request-password-reset", {"email": address})
    body = {"newPassword": "another password", "token": token_in(server.letters[-1])}
    done = await asyncio.gather(*(server.bare().post("/reset-password", body) for _ in range(10)))
    assert sorted(each.status_code for each in done) == [200] + [400] * 9


async def test_a_link_is_good_for_an_hour(server: Server) -> None:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    await browser.post("/request-password-reset", {"email": address})
    server.ahead = timedelta(hours=1)
    response = await opened(browser, server.letters[-1].url)
    assert response.headers["location"] == f"{ORIGIN}/reset-password?error=INVALID_TOKEN"
