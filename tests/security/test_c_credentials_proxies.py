"""Who a forwarded request comes from, and who is believed about it (security line PW-08)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from sessionwire.app import SessionWire
from sessionwire.policy.limits import Limits
from sessionwire.serving import uvicorn_config
from support.edge import edge
from support.raw import UPGRADE, ask, line_to, posted, request
from support.server import PASSWORD, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge

SIGN_UP = "/api/auth/sign-up/email"
SIGN_IN = "/api/auth/sign-in/email"


async def seen_address(server: Edge, *fields: tuple[str, str]) -> str:
    """The address that the session of a sign-up with these fields was opened from."""
    email = f"{secrets.token_hex(6)}@example.com"
    body = f'{{"name":"A","email":"{email}","password":"{PASSWORD}"}}'
    answer = await ask(server.address, posted(SIGN_UP, body, *fields))
    assert answer is not None and answer.status == 200, answer
    user = await server.store.find_one("user", {"email": email})
    assert user is not None
    session = await server.store.find_one("session", {"userId": user["_id"]})
    assert session is not None
    return str(session["ipAddress"])


FORWARDED: list[tuple[list[tuple[str, str]], str]] = [
    ([], "127.0.0.1"),
    ([("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "6.6.6.6, 203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.2.3")], "203.0.113.9"),
    ([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "203.0.113.9:51000")], "203.0.113.9"),
    ([("X-Forwarded-For", "[2001:DB8::0001]:51000")], "2001:db8::1"),
    ([("X-Forwarded-For", "2001:DB8:0:0::1")], "2001:db8::1"),
    ([("X-Forwarded-For", "::ffff:203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "unknown")], ""),
    ([("X-Forwarded-For", "203.0.113.9, <script>")], ""),
    ([("X-Forwarded-For", "")], "127.0.0.1"),
    ([("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")], "127.0.0.1"),
]


@pytest.fixture(scope="module")
async def proxied(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    """A server behind proxies on this machine and in 10/8."""
    async with edge(mongo, trusted_proxies=("127.0.0.1", "10.0.0.0/8")) as running:
        yield running


@pytest.mark.parametrize(("fields", "address"), FORWARDED)
async def test_pw_08_a_trusted_proxy_says_who_asks(
    proxied: Edge, fields: list[tuple[str, str]], address: str
) -> None:
    assert await seen_address(proxied, *fields) == address


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",), ("192.0.2.1", "::1")])
async def test_pw_08_nobody_else_does(mongo: EmbeddedMongo, trusted: tuple[str, ...]) -> None:
    async with edge(mongo, trusted_proxies=trusted) as server:
        for fields, _ in FORWARDED:
            assert await seen_address(server, *fields) == "127.0.0.1"


async def test_pw_08_the_rate_limit_follows_the_proxy_and_not_who_pretends(
    mongo: EmbeddedMongo,
) -> None:
    wrong = '{"email":"nobody@example.com","password":"x"}'
    async with edge(mongo, trusted_proxies=("127.0.0.1",), rate_limit=True) as server:

        async def tries(*forwarded: str) -> list[int]:
            sent = [posted(SIGN_IN, wrong, ("X-Forwarded-For", each)) for each in forwarded]
            answers = [await ask(server.address, each) for each in sent]
            return [each.status for each in answers if each is not None]

        pretended = [f"198.51.100.{n}, 203.0.113.1" for n in range(4)]
        assert await tries(*pretended) == [401] * 3 + [429]
        assert await tries(*[f"203.0.113.{n}" for n in range(2, 5)]) == [401] * 3
        spelled = ["2001:db8::1", "2001:DB8:0::2", "[2001:db8::3]:1", "2001:db8:0:0:f::"]
        assert await tries(*spelled) == [401] * 3 + [429]


async def test_pw_08_a_proxy_that_is_not_believed_is_told_of_once(
    mongo: EmbeddedMongo, caplog: pytest.LogCaptureFixture
) -> None:
    async with edge(mongo) as development:
        assert not uvicorn_config(None, development.settings).unbelieved
        public = development.settings.model_copy(update={"environment": "production"})
        proxied = public.model_copy(update={"trusted_proxies": ("10.0.0.1",)})
        assert not uvicorn_config(None, proxied).unbelieved
        wire = SessionWire(development.settings)
        async with run_server(public, wire=wire) as server:
            for _ in range(3):
                await ask(server.address, request("/api/auth/ok", ("X-Forwarded-For", "canary")))
    told = [each.getMessage() for each in caplog.records if "TRUSTED_PROXIES" in each.getMessage()]
    assert len(told) == 1 and "127.0.0.1" in told[0] and "canary" not in told[0]


async def test_pw_08_no_header_changes_where_the_server_is(proxied: Edge) -> None:
    fields = [("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https")]
    body = '{"email":"a@example.com","password":"x","callbackURL":"https://evil.test/"}'
    answer = await ask(proxied.address, posted(SIGN_IN, body, *fields))
    assert answer is not None and answer.code == "INVALID_CALLBACK_URL"
    assert b"evil" not in answer.body
    assert "strict-transport-security" not in answer.headers


async def test_pw_08_a_handshake_is_counted_by_the_address_that_the_proxy_says(
    mongo: EmbeddedMongo,
) -> None:
    limits = Limits(connections_per_address=1)
    async with edge(mongo, trusted_proxies=("127.0.0.1",), limits=limits) as server:

        def handshake(address: str) -> bytes:
            own, forwarded = ("Origin", server.address), ("X-Forwarded-For", address)
            return request("/live", *UPGRADE.items(), own, forwarded)

        async with line_to(server.address) as held:
            held.send(handshake("2001:db8::1"))
            first = await held.answer()
            assert first is not None and first.status == 101
            for text, status in (("2001:db8::2", 429), ("2001:db8:0:1::1", 101), ("6.6.6.6", 101)):
                answer = await ask(server.address, handshake(text))
                assert answer is not None and answer.status == status, text
