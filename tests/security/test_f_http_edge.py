"""Other origins' pages, and the headers of every answer (security lines HT-01 to HT-09)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sessionwire.app import SessionWire
from support.edge import edge
from support.people import add_person
from support.raw import UPGRADE, Answer, ask, posted, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge

SIGN_UP = "/api/auth/sign-up/email"
SIGN_IN = "/api/auth/sign-in/email"
TRUSTED = "https://app.partner.example"


@pytest.fixture(scope="module")
async def server(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as running:
        yield running


# Other origins: HT-04


@pytest.fixture(scope="module")
async def shared(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo, trusted_origins=(TRUSTED, "https://*.tenants.example")) as running:
        yield running


def preflight(origin: str, path: str = SIGN_IN, method: str = "POST") -> bytes:
    return request(
        path,
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "content-type,sessionwire-version"),
        method="OPTIONS",
    )


def cors_of(answer: Answer) -> dict[str, str]:
    return {name: v for name, v in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [TRUSTED, "https://a.tenants.example"])
async def test_ht_04_a_trusted_page_may_use_the_api_from_its_own_origin(
    shared: Edge, origin: str
) -> None:
    answer = await ask(shared.address, preflight(origin))
    assert answer is not None and answer.status == 204 and answer.body == b""
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "POST"
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"content-type", "authorization", "sessionwire-version"} <= set(allowed)
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "Origin" in answer.headers["vary"]
    assert "content-type" not in answer.headers

    read = await ask(shared.address, request("/api/auth/get-session", ("Origin", origin)))
    assert read is not None and read.status == 200
    assert read.headers["access-control-allow-origin"] == origin
    assert read.headers["access-control-allow-credentials"] == "true"
    exposed = read.headers["access-control-expose-headers"].split(", ")
    assert {"etag", "sessionwire-version", "retry-after"} <= set(exposed)
    assert read.headers["cross-origin-resource-policy"] == "cross-origin"
    assert read.headers["vary"] == "Cookie, Origin"

    for refused in (
        posted(SIGN_IN, "{", ("Origin", origin)),
        request("/api/auth/no", ("Origin", origin)),
    ):
        answer = await ask(shared.address, refused)
        assert answer is not None and answer.status in (400, 404)
        assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "null",
        "*",
        "",
        TRUSTED + ".evil.test",
        TRUSTED.replace("https", "http"),
        TRUSTED + ":444",
        TRUSTED.upper(),
        "https://tenants.example",
        "https://a.tenants.example.evil.test",
        "https://a@b.tenants.example",
    ],
)
async def test_ht_04_nobody_else_is_told_anything(shared: Edge, origin: str) -> None:
    for sent in (
        preflight(origin),
        request("/api/auth/get-session", ("Origin", origin)),
        posted(SIGN_IN, "{}", ("Origin", origin)),
    ):
        answer = await ask(shared.address, sent)
        assert answer is not None and not cors_of(answer)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        if sent.startswith(b"OPTIONS"):
            assert (answer.status, answer.body) == (404, b"")


async def test_ht_04_a_preflight_is_answered_for_what_there_is(shared: Edge) -> None:
    for path, method in (("/api/auth/nowhere", "GET"), ("/api/auth/ok/", "GET"), ("/", "GET")):
        answer = await ask(shared.address, preflight(TRUSTED, path, method))
        assert answer is not None and answer.status in (404, 405)
        assert "access-control-allow-methods" not in answer.headers
    without = request(SIGN_IN, ("Origin", TRUSTED), method="OPTIONS")
    answer = await ask(shared.address, without)
    assert answer is not None and answer.status == 404
    twice = preflight(TRUSTED).replace(b"Origin:", b"Origin: https://evil.test\r\nOrigin:", 1)
    answer = await ask(shared.address, twice)
    assert answer is not None and answer.status == 404 and not cors_of(answer)


# Every answer: HT-05, HT-09

HARDENED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def sweep(own: str) -> list[tuple[int, bytes]]:
    """What is answered with each status, and a request for it."""
    handshake = [*UPGRADE.items()]
    return [
        (200, request("/api/auth/ok")),
        (200, request("/api/auth/get-session")),
        (400, posted(SIGN_IN, "{")),
        (401, request("/api/auth/list-sessions")),
        (403, posted("/api/auth/sign-out", "{}", ("Origin", "https://evil.test"))),
        (404, request("/api/auth/nowhere")),
        (404, request("/nowhere")),
        (404, request("/live")),
        (404, request("/nowhere", *handshake)),
        (404, request("/api/auth/ok", *handshake)),
        (405, posted("/api/auth/get-session", "{}")),
        (400, request("/live", *handshake, ("Sec-WebSocket-Protocol", "x"), ("Origin", own))),
        (403, request("/live", *handshake, ("Origin", "https://evil.test"))),
        (413, posted(SIGN_IN, "a" * 70_000)),
        (414, request("/" + "a" * 10_000)),
        (415, request(SIGN_IN, ("Content-Length", "2"), method="POST", body=b"{}")),
        (431, request("/", ("X", "a" * 40_000))),
        (400, b"nonsense\r\n\r\n"),
    ]


async def test_ht_05_every_answer_carries_the_security_headers(server: Edge) -> None:
    for status, sent in sweep(server.address):
        answer = await ask(server.address, sent)
        assert answer is not None and answer.status == status, (sent[:60], answer)
        for name, value in HARDENED.items():
            assert answer.headers.get(name) == value, (sent[:60], name)
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy
        assert "server" not in answer.headers and "x-powered-by" not in answer.headers
        kind = answer.headers.get("content-type", "application/json")
        assert kind == "application/json" or "charset=utf-8" in kind
        if status >= 400:
            assert answer.headers["cache-control"] == "no-store"


async def test_ht_05_a_server_that_is_not_ready_answers_with_them_too(settings: Settings) -> None:
    secure = settings.model_copy(update={"base_url": "https://app.example"})
    transport = httpx.ASGITransport(SessionWire(secure))
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
        response = await client.get("/api/auth/ok")
    assert response.status_code == 503
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in response.headers["strict-transport-security"]


async def test_ht_09_a_failure_shows_an_id_and_nothing_of_its_cause(
    server: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **more: Any) -> Any:
        raise RuntimeError("canary-cause")

    monkeypatch.setattr(server.server.wire.relay, "read", fail)
    answer = await ask(server.address, request("/api/auth/get-session"))
    assert answer is not None and answer.status == 500
    assert answer.code == "INTERNAL_SERVER_ERROR"
    assert len(answer.headers["x-request-id"]) >= 16
    assert b"canary" not in answer.body and b"Traceback" not in answer.body


# Requests of other sites: HT-01, HT-03


@pytest.mark.parametrize("path", [SIGN_IN, SIGN_UP, "/api/auth/sign-out", "/api/auth/update-user"])
@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://evil.test", "Cookie": "a=b"},
        {"Cookie": "a=b"},
        {"Referer": "https://evil.test/x"},
        {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "{own}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "{own}", "Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_ht_01_a_post_of_another_site_is_403(
    server: Edge, path: str, fields: dict[str, str]
) -> None:
    named = [(name, value.replace("{own}", server.address)) for name, value in fields.items()]
    body = '{"name":"A","email":"a@example.com","password":"password1234"}'
    answer = await ask(server.address, posted(path, body, *named))
    assert answer is not None and answer.status == 403, answer


async def test_ht_03_head_and_the_unsafe_methods_that_are_none_of_ours_change_nothing(
    server: Edge,
) -> None:
    store = server.store
    person = await add_person(store, server.settings, "Alice")
    cookie = ("Cookie", person.cookie)
    own = ("Origin", server.address)
    before = await store.find("session", {})
    for method in ("HEAD", "PUT", "PATCH", "DELETE", "TRACE", "GET"):
        for path in ("/sign-out", "/revoke-sessions", "/update-user", "/delete-user"):
            sent = request(f"/api/auth{path}", cookie, own, method=method)
            answer = await ask(server.address, sent)
            assert answer is not None and answer.status == 404
    assert await store.find("session", {}) == before
