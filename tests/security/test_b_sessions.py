"""Sessions and cookies: the lines SE of docs/security.md that no other test proves."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Server
from sessionwire.gateways.auth.routes import ENDPOINTS

if TYPE_CHECKING:
    import httpx

    from sessionwire.store.mongo import Store

HTTPS = "https://app.example.com"


async def whole_life(server: Server) -> list[httpx.Response]:
    """Every kind of answer that a browser gets between sign-up and the end."""
    browser, address = server.browser(), unique_address()
    person = {"name": "Alice", "email": address, "password": "password1234"}
    return [
        await browser.post("/sign-up/email", person),
        await browser.post("/sign-up/email", person),
        await browser.get("/get-session"),
        await browser.post("/update-user", {"name": "Alicia"}),
        await browser.post("/update-user", {}),
        await browser.get("/list-sessions"),
        await browser.get("/nothing"),
        await browser.send("OPTIONS", "/get-session"),
        await browser.post(
            "/change-password",
            {
                "currentPassword": "password1234",
                "newPassword": "password12345",
                "revokeOtherSessions": True,
            },
        ),
        await browser.send("POST", "/update-user", content="x" * 100_000),
        await browser.send("POST", "/update-user", content="x", headers={"content-type": "a/b"}),
        await browser.get("/verify-email?token=x&callbackURL=/x"),
        await browser.post("/sign-out"),
        await browser.post("/sign-in/email", {**person, "password": "wrong-password"}),
        await browser.post("/sign-in/email", {**person, "rememberMe": False}),
        await browser.post("/update-user", {"name": "x"}, origin="https://evil.example"),
    ]


@pytest.mark.parametrize("base_url", [HTTPS, "http://127.0.0.1:3911"])
async def test_se_02_every_cookie_has_every_attribute_also_when_it_is_deleted(
    store: Store, base_url: str
) -> None:
    server = Server(store, settings_with(base_url=base_url))
    lines = [
        line
        for response in await whole_life(server)
        for line in response.headers.get_list("set-cookie")
    ]
    assert len(lines) > 5
    for line in lines:
        name, _, rest = line.partition("=")
        attributes = rest.split("; ")[1:]
        assert len(line) <= 4096
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes), line
        assert not any(each.startswith("Domain") for each in attributes), line
        if base_url == HTTPS:
            assert name.startswith("__Host-") and "Secure" in attributes, line


async def test_se_15_no_answer_may_be_kept_by_a_cache(store: Store) -> None:
    answers = await whole_life(Server(store, settings_with()))
    assert {each.status_code for each in answers} >= {200, 302, 400, 401, 403, 404, 413, 415, 422}
    for each in answers:
        assert each.headers["cache-control"] == "no-store", each.request.url
        assert "Cookie" in each.headers["vary"], each.request.url


async def test_se_14_a_session_from_a_process_whose_clock_is_ahead_is_valid_here(
    store: Store,
) -> None:
    ahead, here = Server(store, settings_with()), Server(store, settings_with())
    ahead.ahead = timedelta(seconds=5)
    browser = ahead.browser()
    await browser.sign_up(unique_address())
    browser.server = here
    assert await browser.session() is not None
    here.ahead = timedelta(days=1, seconds=4)
    assert await browser.session() is not None
    browser.server = ahead
    assert await browser.session() is not None


async def test_se_16_reading_writes_nothing(store: Store) -> None:
    browser = Server(store, settings_with()).browser()
    await browser.sign_up(unique_address())
    names = ["user", "session", "sessionEnd", "account", "verification", "organization", "member"]

    async def everything() -> dict[str, list[Any]]:
        return {name: list(await store.find(name, {}, sort=[("_id", 1)])) for name in names}

    before = await everything()
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and not endpoint.writes:
            path = re.sub(r"\{[a-z]+\}", "x", endpoint.path)
            assert (await browser.get(path)).status_code < 500, path
        await browser.send("HEAD", re.sub(r"\{[a-z]+\}", "x", endpoint.path))
    assert await everything() == before


async def test_ht_03_a_get_that_writes_needs_a_token_that_was_mailed_or_a_state(
    store: Store,
) -> None:
    """The links in mails and a provider's redirect; without their secret they change nothing."""
    writing = {each.path for each in ENDPOINTS if each.method == "GET" and each.writes}
    assert writing <= {
        "/verify-email",
        "/reset-password/{token}",
        "/delete-user/callback",
        "/callback/{provider}",
    }
    browser = Server(store, settings_with()).browser()
    await browser.sign_up(unique_address())
    before = await store.find("user", {}, sort=[("_id", 1)])
    for path in writing:
        at = re.sub(r"\{[a-z]+\}", "x", path)
        assert (await browser.get(f"{at}?token=x&state=x&code=x")).status_code < 500
    assert await store.find("user", {}, sort=[("_id", 1)]) == before
