"""What passes between us and a provider is in no log, no answer and no frame (OI-11)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from auth.rig import ORIGIN
from oidc.forger import CLIENT_SECRET
from oidc.walk import address_in, error_in, query_of
from sessionwire.auth.oidc.issuer import Flow, Tokens
from support.server import run_server

if TYPE_CHECKING:
    import pytest

    from oidc.forger import Forger
    from oidc.walk import Walk
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


async def test_oi_11_neither_logs_nor_answers_hold_what_a_sign_in_carries(
    walk: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpcore", "pymongo"):
        logging.getLogger(name).setLevel(logging.INFO)
    answers = []
    secrets = [CLIENT_SECRET, "a-code-of-these-tests", "an-access-token-of-these-tests"]
    for claims in ({}, {"nonce": "another"}, {"email": None}, {"iss": "https://evil.test"}):
        browser, email = walk.browser(), address_in("quiet")
        sent = query_of(await walk.start(browser))
        walk.forger.userinfo = {"sub": "another"}
        given = {"nonce": sent["nonce"], "sub": email, "email": email, **claims}
        token = walk.forger.sign(walk.forger.claims(**given))
        walk.forger.hand_out(token)
        answers.append(await walk.back(browser, state=sent["state"]))
        answers.append(await browser.get("/get-session"))
        answers.append(await browser.get("/list-accounts"))
        secrets += [token, sent["nonce"], walk.forger.forms[-1]["code_verifier"], sent["state"]]
        logged = _logged(caplog)
        assert email not in logged
        assert browser.jar.get("sessionwire.session_token", "absent") not in logged
    assert [error_in(each) for each in answers[::3]] == [None, *["unable_to_get_user_info"] * 3]
    said = "".join(f"{each.headers}{each.text}" for each in answers)
    for secret in secrets:
        assert secret not in said
        assert secret not in _logged(caplog)


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """What the server logged, and the client that it asks providers with; not the browser."""
    lines = [each.getMessage() for each in caplog.records]
    return "\n".join(each for each in lines if f"{ORIGIN}/" not in each)


def test_oi_11_what_is_secret_is_not_in_any_representation() -> None:
    shown = repr(Flow("s", verifier="the-verifier", nonce="the-nonce"))
    shown += repr(Tokens("the-id-token", "the-access-token", "the-refresh-token"))
    assert "the-" not in shown


async def test_oi_11_a_provider_that_is_unavailable_is_logged_without_its_words(
    walk: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    walk.forger.hand_out("<script>", token_type="<b>")
    answer = await walk.round(walk.browser(), token="a.secret.token")
    assert error_in(answer) == "unable_to_get_user_info"
    assert "acme: unable_to_get_user_info: " in caplog.text
    assert "secret" not in caplog.text


async def test_a_whole_server_signs_in_and_its_live_wire_says_so(
    settings: Settings, store: Store, forger: Forger
) -> None:
    """Through real sockets: the session is there, and its frames hold no token."""
    from sessionwire.policy.providers import Provider

    given = settings.model_copy(update={"oidc": {"acme": Provider(**forger.provider)}})
    async with run_server(given) as running, running.http() as http:
        body = {"provider": "acme", "callbackURL": "/after"}
        begun = await http.post("/api/auth/sign-in/social", json=body)
        sent = query_of(begun.json()["url"])
        assert sent["redirect_uri"] == f"{running.address}/api/auth/callback/acme"
        email = address_in()
        token = forger.sign(forger.claims(nonce=sent["nonce"], sub=email, email=email))
        forger.hand_out(token)
        landed = await http.get(
            "/api/auth/callback/acme", params={"code": "x", "state": sent["state"]}
        )
        assert landed.headers["location"] == "/after"
        live = await running.live(http)
        await live.subscribe(1, "session")
        shown = await live.until_shown(1, lambda data: bool(data))
        assert shown["user"]["email"] == email
        assert shown["organization"]["name"] == "Some Body's workspace"
        assert token not in str(live.frames)
