"""The receiver of docs/webhooks.md, run as it stands there."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from docs.examples import ROOT, example
from sessionwire import SessionWire
from sessionwire.settings import load_settings
from sessionwire.webhook.tokens import KINDS
from support.server import run_server
from webhook.receiver import SECRET, serving

if TYPE_CHECKING:
    import pytest

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


async def test_the_receiver_learns_of_a_sign_out(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
        given = load_settings(
            mongodb_uri=settings.mongodb_uri,
            database=settings.database,
            secret=settings.secret,
            webhook_url=url,
            webhook_secret=SECRET,
        )
        async with run_server(given, wire=SessionWire(given)) as server:
            monkeypatch.setenv("SESSIONWIRE_WEBHOOK_SECRET", SECRET)
            monkeypatch.setenv("SESSIONWIRE_WEBHOOK_URL", url)
            monkeypatch.setenv("SESSIONWIRE_BASE_URL", server.address)
            names: dict[str, Any] = {}
            exec(compile(example("docs/webhooks.md"), "docs/webhooks.md", "exec"), names)
            async with serving(names["app"], listener):
                http = await server.sign_up("Alice")
                id = (await http.get("/api/auth/get-session")).json()["session"]["id"]
                assert (await http.post("/api/auth/sign-out")).status_code == 200
                async with asyncio.timeout(10):
                    while names["closed"] != [id]:  # noqa: ASYNC110 (the example tells nobody)
                        await asyncio.sleep(0.005)
                await _refuses_forgeries(names["app"], server.address, url)


async def _refuses_forgeries(app: Any, issuer: str, url: str) -> None:
    right = {"iss": issuer, "aud": url, "jti": "1", "events": {}}
    forgeries = [
        _token(right, typ="JWT"),
        _token(right, secret="another" * 6),
        _token({**right, "aud": "https://else.example"}),
        _token({**right, "iss": "https://else.example"}),
        "nothing",
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url) as http:
        assert (await http.post(url, content=_token(right))).status_code == 202
        for each in forgeries:
            assert (await http.post(url, content=each)).status_code == 400, each


def _token(claims: dict[str, Any], *, typ: str = "secevent+jwt", secret: str = SECRET) -> str:
    header = {"alg": "HS256", "typ": typ}
    return jwt.encode(header, claims, OctKey.import_key(secret), algorithms=["HS256"])


def test_the_page_names_every_event_type() -> None:
    page = (ROOT / "docs/webhooks.md").read_text()
    assert [type for type in KINDS.values() if f"`{type}`" not in page] == []
