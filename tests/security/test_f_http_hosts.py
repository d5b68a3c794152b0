"""Which hosts are answered, and what a request's target can do (lines HT-07 and WS-20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.edge import edge
from support.raw import UPGRADE, ask, refusal, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge

OK = "/api/auth/ok"


@pytest.fixture(scope="module")
async def server(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as running:
        yield running


@pytest.fixture(scope="module")
async def public(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    """A server that knows its names."""
    allowed = ("app.example.com", "*.tenants.example.com", "[::1]:8000")
    async with edge(mongo, allowed_hosts=allowed) as running:
        yield running


@pytest.mark.parametrize(
    "host",
    ["app.example.com", "APP.example.com:8443", "a.tenants.example.com", "[::1]:8000"],
)
async def test_ht_07_its_own_hosts_are_answered(public: Edge, host: str) -> None:
    answer = await ask(public.address, request("/api/auth/get-session", host=host))
    assert answer is not None and answer.status == 200


BAD_HOSTS = [
    "evil.test",
    "app.example.com.evil.test",
    "app.example.com@evil.test",
    "app.example.com/evil",
    "app.example.com?evil",
    "app.example.com#evil",
    "app.example.com:80:80",
    "app.example.com, evil.test",
    "tenants.example.com",
    "[::1]",
    "localhost",
    "*.tenants.example.com",
    "",
]


@pytest.mark.parametrize("host", BAD_HOSTS)
async def test_ht_07_another_host_is_421_before_anything_else(public: Edge, host: str) -> None:
    for target in ("/api/auth/get-session", "/", "/nowhere"):
        answer = await ask(public.address, request(target, host=host))
        assert refusal(answer) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize("host", BAD_HOSTS)
async def test_ws_20_a_handshake_for_another_host_is_421(public: Edge, host: str) -> None:
    answer = await ask(public.address, request("/live", *UPGRADE.items(), host=host))
    assert refusal(answer) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9000", "[::1]"])
async def test_ht_07_the_health_check_is_answered_on_this_machine(public: Edge, host: str) -> None:
    answer = await ask(public.address, request(OK, host=host))
    assert answer is not None and answer.status == 200
    other = await ask(public.address, request("/api/auth/get-session", host=host))
    assert refusal(other) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize(
    "sent",
    [
        request(OK, host=None),
        request(OK, ("Host", "app.example.com"), host="app.example.com"),
        request(OK, ("Host", "evil.test"), host="app.example.com"),
        request("/live", *UPGRADE.items(), ("Host", "evil.test"), host="app.example.com"),
    ],
)
async def test_ht_07_no_host_and_two_hosts_are_400(public: Edge, sent: bytes) -> None:
    assert refusal(await ask(public.address, sent)) == (400, "INVALID_HOST")


async def test_ht_07_in_development_any_one_host_is_answered(server: Edge) -> None:
    answer = await ask(server.address, request(OK, host="anything.test:1"))
    assert answer is not None and answer.status == 200
    twice = request(OK, ("Host", "b.test"), host="a.test")
    assert refusal(await ask(server.address, twice)) == (400, "INVALID_HOST")


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.test/api/auth/ok",
        "//evil.test/api/auth/ok",
        "/api/auth/ok/../../../live",
        "*",
    ],
)
async def test_ht_07_the_target_names_a_path_and_never_a_host(public: Edge, target: str) -> None:
    """BadHost (CVE-2026-48710, PYSEC-2026-248): neither target nor Host moves the path."""
    answer = await ask(public.address, request(target, host="app.example.com"))
    assert answer is not None
    assert answer.status in (200, 400, 404)
    assert b"evil" not in answer.body and "location" not in answer.headers
    sent = request("http://app.example.com/api/auth/get-session", host="evil.test")
    assert refusal(await ask(public.address, sent)) == (421, "MISDIRECTED_REQUEST")
