"""Providers that are slow, huge, lying or down: nobody waits long, and nobody is sent elsewhere."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from oidc.forger import DISCOVERY, Forger
from oidc.walk import Walk, address_in, error_in, query_of, server_with
from sessionwire.auth.oidc.channel import Channel
from sessionwire.auth.oidc.faults import ProviderFault
from sessionwire.auth.oidc.metadata import BUILT_IN, metadata_of
from sessionwire.policy.providers import GOOGLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sessionwire.store.mongo import Store


async def huge(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(500):
            yield b" " * 65_536
            await asyncio.sleep(0)

    return StreamingResponse(chunks(), media_type="application/json")


async def silent(request: Request) -> Response:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


async def elsewhere(request: Request) -> Response:
    return RedirectResponse("/elsewhere")


async def broken(request: Request) -> Response:
    return Response("{", media_type="application/json")


async def a_list(request: Request) -> Response:
    return JSONResponse([])


async def failing(request: Request) -> Response:
    return JSONResponse({"error": "server_error"}, 500)


async def a_bomb(request: Request) -> Response:
    packed = gzip.compress(b" " * 10_000_000)
    return Response(packed, headers={"content-encoding": "gzip"})


BAD = [huge, elsewhere, broken, a_list, failing, a_bomb]


@pytest.mark.parametrize("answer", BAD)
async def test_oi_12_a_discovery_document_that_is_none_begins_nothing(
    walk: Walk, answer: Any
) -> None:
    walk.forger.answers[DISCOVERY] = answer
    browser = walk.browser()
    response = await browser.post("/sign-in/social", {"provider": "acme"})
    assert response.status_code == 503
    assert response.json()["code"] == "PROVIDER_UNAVAILABLE"
    assert browser.jar == {}
    assert walk.forger.asked == [DISCOVERY]


@pytest.mark.parametrize("answer", BAD)
async def test_oi_12_keys_that_are_none_verify_nothing(walk: Walk, answer: Any) -> None:
    walk.forger.answers["/jwks"] = answer
    response = await walk.round(walk.browser(), email=address_in(), email_verified=True)
    assert error_in(response) == "unable_to_get_user_info"
    assert "/elsewhere" not in walk.forger.asked


@pytest.mark.parametrize("answer", BAD)
async def test_oi_12_an_answer_to_the_code_that_is_none_is_worth_nothing(
    walk: Walk, answer: Any
) -> None:
    walk.forger.answers["/token"] = answer
    response = await walk.round(walk.browser(), email=address_in(), email_verified=True)
    assert error_in(response) == "invalid_code"
    assert "/elsewhere" not in walk.forger.asked


async def test_oi_12_an_answer_that_is_right_but_too_large_is_not_read(walk: Walk) -> None:
    walk.forger.published = {"padding": "x" * 300_000}
    response = await walk.browser().post("/sign-in/social", {"provider": "acme"})
    assert (response.status_code, response.json()["code"]) == (503, "PROVIDER_UNAVAILABLE")


@pytest.mark.parametrize(
    "tokens",
    [
        {"id_token": None},
        {"id_token": 5},
        {"token_type": None},
        {"token_type": "DPoP"},
    ],
    ids=str,
)
async def test_oi_12_tokens_of_another_kind_are_worth_nothing(
    walk: Walk, tokens: dict[str, Any]
) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    walk.forger.hand_out(walk.forger.sign(walk.forger.claims(nonce=sent["nonce"])), **tokens)
    assert error_in(await walk.back(browser, state=sent["state"])) == "invalid_code"


async def test_oi_12_a_provider_that_does_not_answer_is_not_waited_for(forger: Forger) -> None:
    forger.answers["/jwks"] = silent
    async with asyncio.timeout(5):
        with pytest.raises(ProviderFault, match="cannot be reached"):
            await Channel(seconds=0.2).get(f"{forger.address}/jwks")


async def test_oi_12_a_provider_that_is_gone_is_a_fault(forger: Forger) -> None:
    with pytest.raises(ProviderFault):
        await Channel().get("http://127.0.0.1:1/jwks")
    with pytest.raises(ProviderFault):
        await Channel().get("http://[::bad/jwks")


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://accounts.google.com"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 5},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"token_endpoint": "https://user:secret@127.0.0.1/token"},
        {"jwks_uri": "https:///jwks"},
        {"jwks_uri": "https://example.com:port/jwks"},
        {"jwks_uri": "https://example.com/jwks#fragment"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "/userinfo"},
    ],
    ids=str,
)
async def test_oi_12_a_discovery_document_with_odd_lines_is_not_believed(
    walk: Walk, published: dict[str, Any]
) -> None:
    walk.forger.published = published
    response = await walk.browser().post("/sign-in/social", {"provider": "acme"})
    assert (response.status_code, response.json()["code"]) == (503, "PROVIDER_UNAVAILABLE")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://accounts.google.com/token",
        "https://127.0.0.1/token",
        "https://localhost/token",
        "https://db.localhost/token",
        "https://10.0.0.1/token",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/token",
        "https://[fd00::1]/token",
        "https://[::ffff:127.0.0.1]/token",
        "https://2130706433/token",
        "https://0x7f000001/token",
        "https://127.1/token",
        "https://0.0.0.0/token",
    ],
)
@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_oi_12_a_public_issuer_does_not_aim_our_requests_at_our_network(
    name: str, endpoint: str
) -> None:
    honest = dict(BUILT_IN[GOOGLE])
    assert metadata_of(honest, issuer=GOOGLE).jwks_uri == honest["jwks_uri"]
    with pytest.raises(ProviderFault):
        metadata_of({**honest, name: endpoint}, issuer=GOOGLE)


async def test_oi_12_the_keys_are_fetched_again_for_a_new_kid_at_most_once_a_minute(
    walk: Walk,
) -> None:
    def asked() -> int:
        return walk.forger.asked.count("/jwks")

    async def bring(kid: str) -> int:
        token = walk.forger.sign(walk.forger.claims(sub=f"rotated-{email}", email=email), kid=kid)
        body = {"provider": "acme", "idToken": {"token": token}}
        return (await walk.browser().post("/sign-in/social", body)).status_code

    email = address_in()
    assert await bring("one") == 200
    assert asked() == 1
    walk.server.ahead = timedelta(seconds=61)
    for n in range(10):
        assert await bring(f"unknown-{n}") == 401
    assert asked() == 2
    walk.forger.keys.append({**walk.forger.keys[0], "kid": "two"})
    assert await bring("two") == 401
    walk.server.ahead = timedelta(seconds=122)
    assert await bring("two") == 200
    assert asked() == 3
    walk.server.ahead = timedelta(minutes=4)
    walk.forger.answers["/jwks"] = failing
    assert await bring("three") == 503
    assert await bring("two") == 200, "keys that are known outlive a failure"


async def test_oi_12_what_is_published_is_fetched_once_an_hour_by_many_at_once(walk: Walk) -> None:
    async def start() -> None:
        await walk.start(walk.browser())

    await asyncio.gather(*(start() for _ in range(8)))
    assert walk.forger.asked == [DISCOVERY]
    walk.server.ahead = timedelta(minutes=59)
    await start()
    assert walk.forger.asked == [DISCOVERY]
    walk.server.ahead = timedelta(minutes=61)
    await start()
    assert walk.forger.asked == [DISCOVERY] * 2


async def test_oi_12_a_provider_that_is_down_is_not_asked_by_everybody(walk: Walk) -> None:
    walk.forger.answers[DISCOVERY] = failing
    for _ in range(5):
        response = await walk.browser().post("/sign-in/social", {"provider": "acme"})
        assert response.status_code == 503
    assert walk.forger.asked == [DISCOVERY]
    walk.forger.answers.clear()
    walk.server.ahead = timedelta(seconds=6)
    await walk.start(walk.browser())


async def test_google_is_known_without_being_asked(store: Store) -> None:
    """The address of the contract, in its order, with a nonce."""
    google = {
        "issuer": GOOGLE,
        "client_id": "fake-client-id.apps.googleusercontent.com",
        "client_secret": "fake",
        "scopes": ["email", "profile", "openid"],
        "parameters": {"include_granted_scopes": "true"},
    }
    server = server_with(store, google=google)
    answer = await server.browser().post("/sign-in/social", {"provider": "google"})
    url = answer.json()["url"]
    assert url.startswith(
        "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id="
    )
    assert list(query_of(url)) == [
        "response_type", "client_id", "state", "scope", "redirect_uri", "code_challenge_method",
        "code_challenge", "include_granted_scopes", "nonce",
    ]  # fmt: skip


async def test_userinfo_says_what_the_token_does_not(walk: Walk) -> None:
    email = address_in()
    walk.forger.userinfo = {
        "sub": email,
        "email": email.upper(),
        "email_verified": True,
        "name": "Not Believed",
        "picture": "https://example.com/me.png",
    }
    browser = walk.browser()
    assert error_in(await walk.round(browser, sub=email)) is None
    shown = await browser.session()
    assert shown is not None
    assert shown["user"]["email"] == email
    assert shown["user"]["emailVerified"] is True
    assert shown["user"]["name"] == "Some Body"
    assert shown["user"]["image"] == "https://example.com/me.png"


async def test_userinfo_about_somebody_else_is_not_believed(walk: Walk) -> None:
    for other in ({"sub": "somebody-else"}, {}, {"sub": None}):
        walk.forger.userinfo = {**other, "email": address_in(), "email_verified": True}
        answer = await walk.round(walk.browser(), sub=address_in())
        assert error_in(answer) == "unable_to_get_user_info"


async def test_userinfo_is_not_asked_when_the_token_says_it_all(walk: Walk) -> None:
    await walk.enter(walk.browser(), sub=address_in())
    assert "/userinfo" not in walk.forger.asked


async def test_without_an_address_nobody_signs_up(walk: Walk) -> None:
    walk.forger.published = {"userinfo_endpoint": None}
    for claims in ({}, {"email": "no address"}, {"email": 5}, {"email": ""}):
        answer = await walk.round(walk.browser(), sub=address_in(), **claims)
        assert error_in(answer) == "email_not_found"


async def test_the_word_of_one_place_is_not_mixed_with_the_address_of_another(walk: Walk) -> None:
    """A verified flag in the token says nothing of an address from elsewhere."""
    email = address_in()
    walk.forger.userinfo = {"sub": email, "email": email}
    browser = walk.browser()
    assert error_in(await walk.round(browser, sub=email, email_verified=True)) is None
    shown = await browser.session()
    assert shown is not None and shown["user"]["emailVerified"] is False
