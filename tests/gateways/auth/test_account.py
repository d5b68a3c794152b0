"""Over HTTP: ways to sign up, fields that a server adds, and the end of an account."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auth.mailing import token_in
from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

PERSON = {"name": "Alice", "password": "password1234"}


def sign_up(browser: Browser, email: str, **more: Any) -> Any:
    return browser.post("/sign-up/email", {**PERSON, "email": email, **more})


async def signed_in(server: Server) -> tuple[Browser, str]:
    browser, address = server.browser(), unique_address()
    await browser.sign_up(address)
    return browser, address


@pytest.mark.parametrize(
    "options", [{"auto_sign_in": False}, {"require_email_verification": True}], ids=str
)
async def test_pw_06_a_sign_up_by_mail_does_not_tell_a_taken_address(
    store: Store, options: dict[str, Any]
) -> None:
    server = Server(store, settings_with(**options))
    address, shapes = unique_address(), set()
    for _ in range(2):
        response = await sign_up(server.bare(), address)
        answer = response.json()
        assert answer["token"] is None
        assert answer["user"]["email"] == address and answer["user"]["image"] is None
        assert len(bytes.fromhex(answer["user"]["id"])) == 12
        lines = frozenset(
            each.partition("=")[0] for each in response.headers.get_list("set-cookie")
        )
        assert not any("session" in each.partition(".")[2] for each in lines)
        shapes.add(
            (
                response.status_code,
                tuple(answer),
                tuple(answer["user"]),
                frozenset(response.headers) - {"date"},
                lines,
            )
        )
    assert len(shapes) == 1
    assert [each.kind for each in server.letters] == ["verify_email", "address_taken"]
    assert not server.reader.waited, "a new user is shown at once, and for a taken one nothing is"


@pytest.mark.hashing
async def test_pw_06_a_sign_up_by_mail_takes_as_long_for_a_taken_address(store: Store) -> None:
    server = Server(store, settings_with(auto_sign_in=False))
    taken = unique_address()
    await sign_up(server.bare(), taken)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(15):
        for is_taken in times:
            address = taken if is_taken else unique_address()
            began = time.perf_counter()
            await sign_up(server.bare(), address)
            times[is_taken].append(time.perf_counter() - began)
    one, other = (statistics.median(each) for each in times.values())
    assert abs(one - other) < 0.35 * max(one, other)


async def test_a_server_may_take_no_sign_ups(store: Store) -> None:
    server = Server(store, settings_with(sign_up=False))
    response = await sign_up(server.bare(), unique_address())
    assert response.status_code == 400
    assert response.json() == {
        "message": "Email and password sign up is not enabled",
        "code": "EMAIL_PASSWORD_SIGN_UP_DISABLED",
    }


async def test_who_must_confirm_first_is_told_so_after_the_right_password_only(
    store: Store,
) -> None:
    server = Server(store, settings_with(require_email_verification=True))
    browser, address = server.browser(), unique_address()
    await sign_up(browser, address)
    wrong = await browser.post("/sign-in/email", {"email": address, "password": "wrong-pass"})
    assert wrong.json()["code"] == "INVALID_EMAIL_OR_PASSWORD"
    body = {"email": address, "password": "password1234", "callbackURL": "/home"}
    right = await browser.post("/sign-in/email", body)
    assert (right.status_code, right.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
    assert len(server.letters) == 2
    assert "callbackURL=%2Fhome" in (server.letters[-1].url or "")
    await browser.get(f"/verify-email?token={token_in(server.letters[-1])}")
    await browser.sign_in(address)


async def test_pw_04_an_easy_password_is_refused_where_one_is_chosen(store: Store) -> None:
    server = Server(store, settings_with(refuse_common_passwords=True))
    browser, address = server.browser(), unique_address()
    for password in ("iloveyou1", "Alice2026", "sessionwire1"):
        response = await sign_up(browser, address, password=password)
        assert response.status_code == 400, password
        assert response.json()["code"] == "PASSWORD_COMPROMISED"
    await sign_up(browser, address)
    body = {"currentPassword": "password1234", "newPassword": "iloveyou1"}
    refused = await browser.post("/change-password", body)
    assert refused.json()["code"] == "PASSWORD_COMPROMISED"


FIELDS = {"user_fields": ("theme", "seats"), "user_input_fields": ("theme", "seats")}


@pytest.mark.parametrize("value", ["dark", "", "x" * 2_000, True, False, 7, -1, 2.5, None])
async def test_a_configured_field_takes_one_value(store: Store, value: object) -> None:
    server = Server(store, settings_with(**FIELDS, session_fields=("note",)))
    browser, address = await signed_in(server)
    assert (await browser.post("/update-user", {"theme": value})).json() == {"status": True}
    user = await store.find_one("user", {"email": address})
    assert user is not None and user["theme"] == value and user["name"] == "Alice"
    answer = (await browser.post("/update-session", {"note": value})).json()
    assert answer["session"]["note"] == value
    session = await store.find_one("session", {"userId": user["_id"]})
    assert session is not None and session["note"] == value


@pytest.mark.parametrize(
    "value", [{"$ne": 1}, {"a": 1}, [1], ["x"], "x" * 2_001, 2**53, 10**30, 1e300]
)
async def test_db_01_a_configured_field_takes_nothing_else(store: Store, value: object) -> None:
    server = Server(store, settings_with(**FIELDS, session_fields=("note",)))
    browser, address = await signed_in(server)
    for path, name in (("/update-user", "theme"), ("/update-session", "note")):
        response = await browser.post(path, {name: value})
        assert response.status_code == 400
        assert response.json()["code"] == "VALIDATION_ERROR"
        assert f"[body.{name}]" in response.json()["message"]
    user = await store.find_one("user", {"email": address})
    assert user is not None and "theme" not in user


@pytest.mark.parametrize(
    "name",
    [
        "emailVerified", "role", "banned", "_id", "$set", "theme.x", "onboardedAt", "userId",
        "activeOrganizationId", "expiresAt", "token", "rest", "__proto__", "password",
    ],
)  # fmt: skip
async def test_db_02_no_other_name_reaches_the_database(store: Store, name: str) -> None:
    server = Server(store, settings_with(**FIELDS, session_fields=("note",)))
    browser, address = await signed_in(server)
    user = await store.find_one("user", {"email": address})
    assert user is not None
    session = await store.find_one("session", {"userId": user["_id"]})
    for path in ("/update-user", "/update-session"):
        response = await browser.post(path, {name: "x"})
        assert response.json()["code"] == "NO_FIELDS_TO_UPDATE"
        assert response.status_code == 400
    assert await store.find_one("user", {"email": address}) == user
    assert await store.find_one("session", {"userId": user["_id"]}) == session


async def test_a_session_field_does_not_move_the_dates_of_the_session(store: Store) -> None:
    server = Server(store, settings_with(session_fields=("note",)))
    browser, address = await signed_in(server)
    user = await store.find_one("user", {"email": address})
    assert user is not None
    before = await store.find_one("session", {"userId": user["_id"]})
    server.ahead = timedelta(hours=1)
    response = await browser.post("/update-session", {"note": "x"})
    assert any("session_token" in each for each in response.headers.get_list("set-cookie"))
    assert before is not None
    assert await store.find_one("session", {"userId": user["_id"]}) == {**before, "note": "x"}


async def test_a_password_is_confirmed_for_who_is_signed_in(store: Store) -> None:
    server = Server(store, settings_with())
    browser, _ = await signed_in(server)
    right = await browser.post("/verify-password", {"password": "password1234"})
    assert (right.status_code, right.json()) == (200, {"status": True})
    for password in ("wrong", "", "x" * 5_000):
        wrong = await browser.post("/verify-password", {"password": password})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_PASSWORD")
    stranger = await server.browser().post("/verify-password", {"password": "password1234"})
    assert stranger.status_code == 401


async def test_se_08_a_deleted_user_is_gone_with_every_session(store: Store) -> None:
    server = Server(store, settings_with())
    browser, address = await signed_in(server)
    elsewhere = server.browser()
    await elsewhere.sign_in(address)
    response = await browser.post("/delete-user", {"password": "password1234"})
    assert response.json() == {"success": True, "message": "User deleted"}
    assert not any("session_token" in each for each in browser.jar)
    assert await elsewhere.session() is None
    again = await elsewhere.post("/sign-in/email", {"email": address, "password": "password1234"})
    assert again.json()["code"] == "INVALID_EMAIL_OR_PASSWORD"


async def test_who_has_no_password_and_an_old_session_is_deleted_by_a_mail(store: Store) -> None:
    server = Server(store, settings_with())
    browser, address = await signed_in(server)
    user = await store.find_one("user", {"email": address})
    assert user is not None
    async with store.writing() as writing:
        await writing.delete_many("account", {"userId": user["_id"]})
    server.ahead = timedelta(hours=30)
    response = await browser.post("/delete-user", {"callbackURL": "/bye"})
    assert response.json() == {"success": True, "message": "Verification email sent"}
    url = (server.letters[-1].url or "").partition("/api/auth")[2]
    signed_out = await server.bare().get(url)
    assert signed_out.status_code == 401
    evil = await browser.get(url.replace("callbackURL=%2Fbye", "callbackURL=https://evil.test"))
    assert evil.status_code == 403
    followed = await browser.get(url)
    assert (followed.status_code, followed.headers["location"]) == (302, "/bye")
    assert await store.count("user", {"email": address}) == 0
    assert await browser.session() is None


async def test_a_deletion_by_token_needs_the_users_own(store: Store) -> None:
    server = Server(store, settings_with())
    browser, address = await signed_in(server)
    response = await browser.post("/delete-user", {"token": "nope"})
    assert response.status_code == 404
    assert response.json() == {"message": "Invalid token", "code": "INVALID_TOKEN"}
    assert await store.count("user", {"email": address}) == 1


async def test_what_is_switched_off_is_not_there(store: Store) -> None:
    server = Server(store, settings_with(delete_user=False, change_email=False))
    browser, _ = await signed_in(server)
    for response in (
        await browser.post("/delete-user", {"password": "password1234"}),
        await browser.get("/delete-user/callback?token=x"),
    ):
        assert (response.status_code, response.content) == (404, b"")
    response = await browser.post("/change-email", {"newEmail": unique_address()})
    assert (response.status_code, response.json()["code"]) == (400, "CHANGE_EMAIL_DISABLED")
