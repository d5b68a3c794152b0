"""ID tokens that prove nothing: each is refused on the way back, and when a client brings it."""

from __future__ import annotations

import base64
import hmac
import time
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from oidc.forger import CLIENT, CLIENT_SECRET, Forger, unsigned
from oidc.walk import address_in, error_in, query_of, server_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc.walk import Walk
    from sessionwire.store.mongo import Store

    Make = Callable[[Forger, dict[str, Any]], str]

NOW = int(time.time())
_OTHER = RSAKey.generate_key(2048, {"kid": "one"})


def _with_public_key_as_secret(forger: Forger, claims: dict[str, Any]) -> str:
    signed = unsigned({"alg": "HS256", "kid": "one"}, claims).rpartition(".")[0]
    made = hmac.digest(forger.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


FORGED: dict[str, Make] = {
    "no algorithm": lambda f, c: unsigned({"alg": "none"}, c),
    "no algorithm, with a kid": lambda f, c: unsigned({"alg": "none", "kid": "one"}, c, "AAAA"),
    "an algorithm in another case": lambda f, c: unsigned({"alg": "NONE"}, c),
    "HS256 with the client id": lambda f, c: f.sign(
        c, key=OctKey.import_key(CLIENT + "-0123456789"), algorithm="HS256"
    ),
    "HS256 with the client secret": lambda f, c: f.sign(
        c, key=OctKey.import_key(CLIENT_SECRET), algorithm="HS256"
    ),
    "HS256 with the public key": _with_public_key_as_secret,
    "RS512, which is not configured": lambda f, c: f.sign(c, algorithm="RS512"),
    "PS256, which is not configured": lambda f, c: f.sign(c, algorithm="PS256"),
    "ES256, which is not configured": lambda f, c: f.sign(
        c, key=ECKey.generate_key("P-256"), algorithm="ES256"
    ),
    "another key under the same kid": lambda f, c: f.sign(c, key=_OTHER),
    "another kid": lambda f, c: f.sign(c, kid="two"),
    "another key under another kid": lambda f, c: f.sign(c, key=_OTHER, kid="two"),
    "another key without a kid": lambda f, c: f.sign(c, key=_OTHER, kid=None),
    "a kid that is a path": lambda f, c: f.sign(c, key=_OTHER, kid="../../dev/null"),
    "a jku of its own": lambda f, c: f.sign(c, key=_OTHER, jku=f"{f.address}/jwks"),
    "a jku, with the right key": lambda f, c: f.sign(c, jku=f"{f.address}/jwks"),
    "a jwk of its own": lambda f, c: f.sign(
        c, key=_OTHER, jwk=_OTHER.as_dict(private=False), kid=None
    ),
    "an x5u": lambda f, c: f.sign(c, x5u=f"{f.address}/certificate"),
    "no signature": lambda f, c: f.sign(c).rpartition(".")[0] + ".",
    "a signature of something else": lambda f, c: ".".join(
        [*f.sign(c).split(".")[:2], f.sign({**c, "sub": "x"}).split(".")[2]]
    ),
    "changed claims": lambda f, c: ".".join(
        [
            f.sign(c).split(".")[0],
            unsigned({}, {**c, "sub": "admin"}).split(".")[1],
            f.sign(c).split(".")[2],
        ]
    ),
    "five parts": lambda f, c: f.sign(c) + ".x.y",
    "no token at all": lambda f, c: "token",
    "not JSON": lambda f, c: "e30.e30.e30",
    "too long": lambda f, c: f.sign({**c, "more": "x" * 20_000}),
}

WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://accounts.google.com"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "an audience that only contains ours": {"aud": f"{CLIENT}-2"},
    "several audiences, and none is ours": {"aud": ["a", "b"]},
    "several audiences, and no azp": {"aud": [CLIENT, "b"]},
    "several audiences, and another azp": {"aud": [CLIENT, "b"], "azp": "b"},
    "another azp": {"azp": "another-client"},
    "another nonce": {"nonce": "a-nonce-of-somebody-else"},
    "a nonce that is a list": {"nonce": ["x"]},
    "expired": {"exp": NOW - 120},
    "no expiry": {"exp": None},
    "an expiry that is a text": {"exp": str(NOW + 300)},
    "an expiry that is true": {"exp": True},
    "an expiry without end": {"exp": 10**30},
    "of the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "of no time": {"iat": None},
    "not valid yet": {"nbf": NOW + 3600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "a subject that is too long": {"sub": "x" * 256},
    "a subject with a line break": {"sub": "some\nbody"},
    "a subject beyond ASCII": {"sub": "sömebody"},
}


@pytest.mark.parametrize("name", FORGED)
async def test_oi_03_a_token_that_the_issuer_did_not_sign_is_refused(walk: Walk, name: str) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    claims = walk.forger.claims(nonce=sent["nonce"], email=address_in(), email_verified=True)
    token = FORGED[name](walk.forger, claims)
    walk.forger.hand_out(token)
    answer = await walk.back(browser, state=sent["state"])
    assert error_in(answer) == "unable_to_get_user_info"
    assert await browser.session() is None
    body = {"provider": "acme", "idToken": {"token": token, "nonce": sent["nonce"]}}
    brought = await browser.post("/sign-in/social", body)
    assert (brought.status_code, brought.json()["code"]) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("name", WRONG)
async def test_oi_03_a_token_with_other_claims_is_refused(walk: Walk, name: str) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    email = address_in()
    honest = walk.forger.claims(nonce=sent["nonce"], email=email, email_verified=True)
    claims = {k: v for k, v in {**honest, **WRONG[name]}.items() if v is not None}
    token = walk.forger.sign(claims)
    walk.forger.hand_out(token)
    answer = await walk.back(browser, state=sent["state"])
    assert error_in(answer) == "unable_to_get_user_info"
    assert await browser.session() is None
    assert await walk.server.store.find_one("user", {"email": email}) is None
    body = {"provider": "acme", "idToken": {"token": token, "nonce": sent["nonce"]}}
    brought = await browser.post("/sign-in/social", body)
    assert (brought.status_code, brought.json()["code"]) == (401, "INVALID_TOKEN")


async def test_oi_03_a_token_without_the_nonce_that_was_sent_is_refused(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    walk.forger.hand_out(walk.forger.sign(walk.forger.claims(email=address_in())))
    answer = await walk.back(browser, state=sent["state"])
    assert error_in(answer) == "unable_to_get_user_info"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "b"], "azp": CLIENT},
        {"azp": CLIENT},
        {"exp": NOW - 30},
        {"iat": NOW + 30},
        {"nbf": NOW + 30},
        {"sub": "x" * 255},
        {"exp": NOW + 300.5},
    ],
    ids=str,
)
async def test_oi_03_an_honest_token_signs_in(walk: Walk, claims: dict[str, Any]) -> None:
    email = address_in()
    # the clock of the tests' imports may be far behind that of a long run
    moved = {
        k: v + int(time.time()) - NOW if k in ("exp", "iat", "nbf") else v
        for k, v in claims.items()
    }
    browser = walk.browser()
    assert (
        error_in(
            await walk.round(browser, **{"sub": email, **moved}, email=email, email_verified=True)
        )
        is None
    )
    assert await browser.session() is not None


async def test_oi_03_a_key_without_kid_counts_when_it_is_the_only_one(walk: Walk) -> None:
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    claims = walk.forger.claims(nonce=sent["nonce"], sub="kidless", email=address_in())
    walk.forger.hand_out(walk.forger.sign(claims, kid=None))
    assert error_in(await walk.back(browser, state=sent["state"])) is None


@pytest.mark.parametrize(
    "key",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"kty": "oct", "k": "AAAA"},
        {"n": "AQAB"},
        {"e": 7},
    ],
    ids=str,
)
async def test_oi_03_a_published_key_that_is_not_for_this_verifies_nothing(
    walk: Walk, key: dict[str, Any]
) -> None:
    walk.forger.keys = [{**walk.forger.keys[0], **key}]
    answer = await walk.round(walk.browser(), email=address_in(), email_verified=True)
    assert error_in(answer) == "unable_to_get_user_info"


async def test_oi_03_a_short_key_verifies_nothing(walk: Walk) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.warns():
        walk.forger.key = RSAKey.import_key(made, {"kid": "one"})
    walk.forger.keys = [walk.forger.key.as_dict(private=False)]
    answer = await walk.round(walk.browser(), email=address_in(), email_verified=True)
    assert error_in(answer) == "unable_to_get_user_info"


async def test_other_algorithms_count_where_they_are_configured(
    store: Store, forger: Forger
) -> None:
    from oidc.walk import Walk

    key = ECKey.generate_key("P-256", {"kid": "two"})
    forger.keys.append(key.as_dict(private=False))
    walk = Walk(server_with(store, acme={**forger.provider, "algorithms": ["ES256"]}), forger)
    browser = walk.browser()
    sent = query_of(await walk.start(browser))
    claims = forger.claims(nonce=sent["nonce"], sub="elliptic", email=address_in())
    forger.hand_out(forger.sign(claims, key=key, algorithm="ES256", kid="two"))
    assert error_in(await walk.back(browser, state=sent["state"])) is None
    sent = query_of(await walk.start(browser))
    forger.hand_out(forger.sign({**claims, "nonce": sent["nonce"]}))
    answer = await walk.back(browser, state=sent["state"])
    assert error_in(answer) == "unable_to_get_user_info"


async def test_a_token_that_a_client_brings_signs_in(walk: Walk) -> None:
    browser, email = walk.browser(), address_in()
    claims = walk.forger.claims(sub=email, nonce="mine", email=email, email_verified=True)
    token = walk.forger.sign(claims)
    body = {"provider": "acme", "idToken": {"token": token, "nonce": "mine"}}
    answer = await browser.post("/sign-in/social", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["redirect"] is False
    assert answer.json()["user"]["email"] == email
    shown = await browser.session()
    assert shown is not None and shown["session"]["token"] == answer.json()["token"]


@pytest.mark.parametrize(("inside", "given"), [("one", "two"), ("one", None), (None, "two")])
async def test_a_nonce_that_a_client_brings_must_be_the_tokens(
    walk: Walk, inside: str | None, given: str | None
) -> None:
    token = walk.forger.sign(walk.forger.claims(nonce=inside, email=address_in()))
    brought = {"token": token, **({} if given is None else {"nonce": given})}
    answer = await walk.browser().post("/sign-in/social", {"provider": "acme", "idToken": brought})
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


async def test_a_token_brought_for_a_taken_address_links_nothing(walk: Walk) -> None:
    email = address_in()
    await walk.browser().sign_up(email)
    token = walk.forger.sign(walk.forger.claims(sub=email, email=email, email_verified=True))
    answer = await walk.browser().post(
        "/sign-in/social", {"provider": "acme", "idToken": {"token": token}}
    )
    assert answer.status_code == 401
    assert answer.json() == {"message": "account not linked", "code": "OAUTH_LINK_ERROR"}


@pytest.mark.parametrize("brought", ["x", 5, {}, {"token": 5}, {"token": "x", "nonce": 5}])
async def test_a_token_that_is_none_is_refused_as_one(walk: Walk, brought: object) -> None:
    body = {"provider": "acme", "idToken": brought}
    answer = await walk.browser().post("/sign-in/social", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
