"""The state of a sign-in: bound to a browser and a provider, good once, and for ten minutes."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from auth.rig import ORIGIN
from oidc.walk import ERROR_PAGE, Walk, address_in, error_in, query_of, server_with

if TYPE_CHECKING:
    from oidc.forger import Forger
    from sessionwire.store.mongo import Store

UNSAFE = [
    "https://evil.test/",
    "//evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https:evil.test",
    "/%2f%2fevil.test",
    "/%252f%252fevil.test",
    "/%5cevil.test",
    "/a//evil.test",
    "/a\tb",
    "/a\nb",
    " /a",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://user@127.0.0.1:3911/",
    "http://127.0.0.1:3911@evil.test/",
    "http://127.0.0.1:3911.evil.test/",
    "evil",
    "/" + "a" * 2048,
    "/\u2044evil",
]


async def test_oi_01_the_way_there_carries_three_independent_secrets(walk: Walk) -> None:
    seen = []
    for _ in range(3):
        browser = walk.browser()
        sent = query_of(await walk.start(browser))
        assert sent["response_type"] == "code"
        assert sent["code_challenge_method"] == "S256"
        assert re.fullmatch(r"[\w-]{32}", sent["state"])
        assert re.fullmatch(r"[\w-]{32}", sent["nonce"])
        walk.forger.hand_out("x")
        await walk.back(browser, state=sent["state"])
        verifier = walk.forger.forms[-1]["code_verifier"]
        assert len(verifier) == 128
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        assert challenge.rstrip(b"=").decode() == sent["code_challenge"]
        seen += [sent["state"], sent["nonce"], verifier, verifier[:32]]
    assert len(set(seen)) == len(seen)


async def test_the_code_is_redeemed_with_the_secret_and_the_same_address(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    walk.forger.hand_out("x")
    await walk.back(browser, state=sent["state"])
    form = walk.forger.forms[-1]
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "a-code-of-these-tests"
    assert form["redirect_uri"] == sent["redirect_uri"] == f"{ORIGIN}/api/auth/callback/acme"
    assert (form["client_id"], form["client_secret"]) == (
        walk.forger.provider["client_id"],
        walk.forger.provider["client_secret"],
    )
    assert walk.forger.authorizations[-1] is None


@pytest.mark.parametrize("methods", [None, ["client_secret_basic"]], ids=str)
async def test_the_secret_is_sent_as_the_provider_wants_it(
    walk: Walk, methods: list[str] | None
) -> None:
    walk.forger.published = {"token_endpoint_auth_methods_supported": methods}
    await walk.round(walk.browser(), token="x")
    assert "client_secret" not in walk.forger.forms[-1]
    assert (walk.forger.authorizations[-1] or "").startswith("Basic ")


async def test_a_public_client_names_itself_and_has_no_secret(store: Store, forger: Forger) -> None:
    public = {name: forger.provider[name] for name in ("issuer", "client_id")}
    walk = Walk(server_with(store, acme=public), forger)
    await walk.round(walk.browser(), token="x")
    assert walk.forger.forms[-1]["client_id"] == public["client_id"]
    assert "client_secret" not in walk.forger.forms[-1]
    assert walk.forger.authorizations[-1] is None


async def test_oi_02_a_state_is_kept_as_a_hash_with_an_end(walk: Walk) -> None:
    sent = query_of(await walk.start(walk.browser()))
    found = await walk.server.store.find("verification", {})
    assert all(sent["state"] not in str(each) for each in found)
    (record,) = [each for each in found if sent["nonce"] in each["value"]]
    assert record["expiresAt"] - record["createdAt"] == timedelta(minutes=10)


async def test_oi_02_without_state_there_is_no_way_back(walk: Walk) -> None:
    browser = walk.browser()
    await walk.start(browser)
    for returned in ({}, {"state": ""}, {"state": ["a", "b"]}):
        answer = await walk.back(browser, **returned)
        assert answer.headers["location"] == f"{ERROR_PAGE}?error=state_not_found"
        bare = await walk.back(walk.browser(), **returned)
        assert bare.headers["location"] == f"{ERROR_PAGE}?error=state_not_found"


async def test_oi_02_a_state_that_nobody_made_is_refused(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    for state in ("unknown", sent["state"] + "x", sent["state"].upper(), "ü", "\x00", "x" * 400):
        answer = await walk.back(browser, state=state)
        assert answer.headers["location"] == f"{ERROR_PAGE}?error=state_mismatch"


async def test_oi_02_a_state_counts_only_with_its_cookie(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    token = walk.forger.sign(walk.forger.claims(nonce=sent["nonce"], email=address_in()))
    walk.forger.hand_out(token)
    name, honest = next(iter(browser.jar.items()))
    assert name == "sessionwire.state"
    other = walk.browser()
    await walk.start(other)
    forged = [
        "",
        "x",
        honest[:-1],
        sent["state"],
        f"{sent['state']}.",
        honest.replace(".", "..", 1),
        other.jar[name],
    ]
    for value in forged:
        browser.jar = {name: value}
        answer = await walk.back(browser, state=sent["state"])
        assert answer.headers["location"] == "/oops?error=state_mismatch", value
        assert "set-cookie" not in answer.headers
    browser.jar = {}
    assert error_in(await walk.back(browser, state=sent["state"])) == "state_mismatch"
    assert walk.forger.forms == []
    browser.jar = {name: honest}
    assert error_in(await walk.back(browser, state=sent["state"])) is None


async def test_oi_02_a_session_cookie_is_no_state_cookie(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    signer = walk.server.backing.cookies._signer
    browser.jar["sessionwire.state"] = signer.sign(sent["state"], purpose="session_token")
    assert error_in(await walk.back(browser, state=sent["state"])) == "state_mismatch"


async def test_oi_02_a_state_is_good_once(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    walk.forger.hand_out("x")
    kept = dict(browser.jar)
    assert error_in(await walk.back(browser, state=sent["state"])) == "unable_to_get_user_info"
    assert "sessionwire.state" not in browser.jar
    browser.jar = kept
    assert error_in(await walk.back(browser, state=sent["state"])) == "state_mismatch"
    assert len(walk.forger.forms) == 1


async def test_oi_02_a_state_is_good_for_ten_minutes(walk: Walk) -> None:
    for ahead, code in ((timedelta(minutes=9, seconds=55), "no_code"), (timedelta(minutes=10), "")):
        browser = walk.browser()
        walk.server.ahead = None
        sent = query_of(await walk.start(browser))
        walk.server.ahead = ahead
        answer = await walk.back(browser, state=sent["state"], code=None)
        assert error_in(answer) == (code or "state_mismatch")


async def test_oi_02_a_state_of_one_provider_is_unknown_to_another(
    store: Store, forger: Forger
) -> None:
    """Mix-up: the answer of a provider that somebody else runs, under the name of this one."""
    walk = Walk(server_with(store, acme=forger.provider, evil=forger.provider), forger)
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    query = urlencode({"code": "x", "state": sent["state"]})
    answer = await browser.get(f"/callback/evil?{query}")
    assert error_in(answer) == "state_mismatch"
    assert error_in(await walk.back(browser, state=sent["state"])) == "state_mismatch"
    assert walk.forger.forms == []
    assert error_in(await browser.get("/callback/unknown?code=x&state=x")) == "state_mismatch"


async def test_oi_02_a_mailed_token_is_no_state_nor_a_state_one(walk: Walk) -> None:
    """CVE-2026-114607: one collection, and every token for one purpose."""
    verifications = walk.server.backing.verifications
    async with walk.server.store.writing() as writing:
        token = await verifications.issue(
            writing, "reset-password", value={"provider": "acme"}, lifetime=timedelta(hours=1)
        )
    browser = walk.browser()
    browser.jar["sessionwire.state"] = (
        walk.server.backing.cookies.state(token)[0].partition("=")[2].partition(";")[0]
    )
    assert error_in(await walk.back(browser, state=token)) == "state_mismatch"
    sent = query_of(await walk.start(browser))
    assert await verifications.peek("reset-password", sent["state"]) is None


async def test_oi_04_an_answer_of_another_issuer_is_refused(walk: Walk) -> None:
    for published, iss, code in (
        (None, "https://evil.test", "issuer_mismatch"),
        (None, walk.forger.address + "/", "issuer_mismatch"),
        (None, "", "issuer_mismatch"),
        (None, [walk.forger.address] * 2, "issuer_mismatch"),
        (True, None, "issuer_missing"),
        (True, "https://evil.test", "issuer_mismatch"),
    ):
        walk.forger.published = {"authorization_response_iss_parameter_supported": published}
        walk.server = server_with(walk.server.store, acme=walk.forger.provider)
        browser = walk.browser()
        sent = query_of(await walk.start(browser))
        assert error_in(await walk.back(browser, state=sent["state"], iss=iss)) == code
    assert walk.forger.forms == []


async def test_oi_08_no_header_moves_the_address_to_come_back_to(walk: Walk) -> None:
    for headers in (
        {"host": "evil.test"},
        {"x-forwarded-host": "evil.test", "x-forwarded-proto": "https"},
        {"forwarded": "host=evil.test;proto=https"},
    ):
        answer = await walk.browser().post("/sign-in/social", {"provider": "acme"}, **headers)
        sent = query_of(answer.json()["url"])
        assert sent["redirect_uri"] == f"{ORIGIN}/api/auth/callback/acme"
        error = await walk.browser().get("/callback/acme", **headers)
        assert error.headers["location"] == f"{ERROR_PAGE}?error=state_not_found"


@pytest.mark.parametrize("target", UNSAFE)
@pytest.mark.parametrize("name", ["callbackURL", "errorCallbackURL", "newUserCallbackURL"])
async def test_oi_09_a_target_that_is_not_ours_is_refused(
    walk: Walk, name: str, target: str
) -> None:
    browser = walk.browser()
    answer = await browser.post("/sign-in/social", {"provider": "acme", name: target})
    assert answer.status_code == 403
    assert answer.json()["code"].startswith("INVALID_")
    assert browser.jar == {}


async def test_oi_09_other_callers_of_the_use_case_cannot_redirect_elsewhere_either(
    walk: Walk,
) -> None:
    from sessionwire.errors import Forbidden

    async with walk.server.store.writing() as writing:
        for target in UNSAFE:
            with pytest.raises(Forbidden):
                await walk.server.backing.openid.begin(writing, "acme", target=target)


async def test_oi_09_a_target_in_the_callbacks_query_is_not_read(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    answer = await walk.back(
        browser, state=sent["state"], code=None, callbackURL="//evil.test", redirect="//evil.test"
    )
    assert answer.headers["location"] == "/oops?error=no_code"


async def test_a_sign_in_without_target_ends_at_our_own_origin(walk: Walk) -> None:
    browser = walk.browser()
    answer = await browser.post("/sign-in/social", {"provider": "acme"})
    sent = query_of(answer.json()["url"])
    claims = walk.forger.claims(nonce=sent["nonce"], sub="homeward", email=address_in())
    walk.forger.hand_out(walk.forger.sign(claims))
    assert (await walk.back(browser, state=sent["state"])).headers["location"] == ORIGIN


@pytest.mark.parametrize(
    ("error", "description", "shown"),
    [
        ("access_denied", "nope", "error=access_denied&error_description=nope"),
        ("access_denied", "", "error=access_denied"),
        ("denied", "two words & more", "error=denied&error_description=two+words+%26+more"),
        ("<script>alert(1)</script>", "", "error=unknown"),
        ("x&a=b", "", "error=unknown"),
        ("a\r\nset-cookie: x=y", "", "error=unknown"),
        ("x" * 65, "", "error=unknown"),
        ("denied", "<script>", "error=denied&error_description=%3Cscript%3E"),
        ("denied", 'a "quoted" one', "error=denied"),
        ("denied", "line\nbreak", "error=denied"),
        ("denied", "x" * 257, "error=denied"),
    ],
)  # fmt: skip
async def test_oi_13_what_a_provider_says_is_a_code_and_a_plain_text(
    walk: Walk, error: str, description: str, shown: str
) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    answer = await walk.back(
        browser, state=sent["state"], code=None, error=error, error_description=description
    )
    assert answer.headers["location"] == f"/oops?{shown}"
    assert answer.content == b""
    assert "sessionwire.state" not in browser.jar


async def test_an_error_page_of_ours_keeps_its_own_query(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser, errorCallbackURL="/oops?from=here#top"))
    answer = await walk.back(browser, state=sent["state"], code=None)
    assert answer.headers["location"] == "/oops?from=here&error=no_code#top"


async def test_a_posted_way_back_is_sent_around_as_a_get(walk: Walk) -> None:
    """A POST from another site carries no cookie (`SameSite=Lax`): the GET that follows does."""
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    stranger = walk.server.bare()
    form = {"state": sent["state"], "code": "a b", "more": "dropped"}
    headers = {"origin": walk.forger.address, "sec-fetch-site": "cross-site"}
    answer = await stranger.send("POST", "/callback/acme", headers=headers, data=form)
    assert answer.status_code == 302
    wanted = urlencode({"state": sent["state"], "code": "a b"})
    assert answer.headers["location"] == f"{ORIGIN}/api/auth/callback/acme?{wanted}"
    assert "set-cookie" not in answer.headers


async def test_a_posted_way_back_writes_no_header_of_its_path(walk: Walk) -> None:
    path = "/callback/a:x=y%20%C3%BC%3Fb"
    answer = await walk.browser().send("POST", path, data={"state": "x"})
    assert answer.status_code == 302
    wanted = "a%3Ax%3Dy%20%C3%BC%3Fb"
    assert answer.headers["location"] == f"{ORIGIN}/api/auth/callback/{wanted}?state=x"
    broken = await walk.browser().send("POST", "/callback/a%0d%0aset-cookie:x=y", data={})
    assert "\r" not in broken.headers.get("location", "")


async def test_a_posted_way_back_of_odd_text_is_refused_not_failed(walk: Walk) -> None:
    odd = b'{"state": "\\ud800"}'
    answer = await walk.browser().send(
        "POST", "/callback/acme", content=odd, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (302, 400)


async def test_providers_that_are_not_configured_are_not_found(walk: Walk) -> None:
    for name in ("google", "zzz", "", "credential", "__proto__"):
        answer = await walk.browser().post("/sign-in/social", {"provider": name})
        assert answer.status_code == 404
        assert answer.json() == {"message": "Provider not found", "code": "PROVIDER_NOT_FOUND"}


async def test_further_scopes_and_a_hint_are_passed_on(walk: Walk) -> None:
    url = await walk.start(walk.browser(), scopes=["calendar", "email"], loginHint="a@b.cc")
    sent = query_of(url)
    assert sent["scope"] == "openid email profile calendar"
    assert sent["login_hint"] == "a@b.cc"


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": "email"}, {"scopes": ["a b"]}, {"scopes": ["x"] * 33}, {"loginHint": "x" * 255}],
    ids=str,
)
async def test_scopes_and_hints_that_are_none_are_refused(
    walk: Walk, wrong: dict[str, object]
) -> None:
    answer = await walk.browser().post("/sign-in/social", {"provider": "acme", **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
