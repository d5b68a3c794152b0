"""No answer of a server leaves without its security headers, of whatever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from gateways.python.site import UPGRADE, Site, carries_the_headers, site
from sessionwire.gateways.shell import Shell
from support.people import add_person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sessionwire import SessionWire
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


@pytest.fixture
async def alone(settings: Settings, store: Store) -> AsyncIterator[Site]:
    async with site(settings, lambda wire: wire) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/auth/ok", {}, 200),
        ("GET", "/api/auth/get-session", {}, 200),
        ("GET", "/api/auth/nope", {}, 404),
        ("POST", "/api/auth/ok", {}, 404),
        ("GET", "/api/auth", {}, 404),
        ("GET", "/nope", {}, 404),
        ("GET", "/live", {}, 404),
        ("POST", "/sessionwire/client/index.js", {}, 405),
        ("GET", "/sessionwire/client/index.js/", {}, 404),
        ("POST", "/api/auth/get-session", {}, 405),
        ("GET", "/api/auth/list-sessions", {}, 401),
        ("POST", "/api/auth/sign-out", {"origin": "https://evil.test"}, 403),
        ("POST", "/api/auth/sign-in/email", {"content_type": "text/plain"}, 415),
        ("GET", "/live", {**UPGRADE, "origin": "https://evil.test"}, 403),
        ("GET", "/live", {**UPGRADE, "cookie": "a=b"}, 403),
        ("GET", "/live", {**UPGRADE, "sec-websocket-protocol": "other"}, 400),
        ("GET", "/nope", UPGRADE, 404),
        ("GET", "/api/auth/get-session", UPGRADE, 404),
    ],
)
async def test_ht_05_every_kind_of_answer_carries_the_headers(
    alone: Site, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = await alone.send(method, path, **headers)
    assert response.status_code == status, response.text
    assert carries_the_headers(response)
    assert "server" not in response.headers


async def test_ht_05_a_body_too_large_is_answered_with_the_headers(alone: Site) -> None:
    response = await alone.send("POST", "/api/auth/sign-in/email", json="x" * 100_000)
    assert response.status_code == 413 and carries_the_headers(response)


async def test_ht_05_a_server_that_is_full_or_stopping_carries_the_headers(
    settings: Settings, store: Store
) -> None:
    limits = settings.limits.model_copy(update={"connections": 0})
    async with site(settings.model_copy(update={"limits": limits}), lambda wire: wire) as served:
        response = await served.get("/live", **UPGRADE, origin=served.address)
        assert response.status_code == 503 and carries_the_headers(response)
        assert int(response.headers["retry-after"]) > 0


async def test_ht_05_a_server_that_is_not_ready_carries_the_headers(settings: Settings) -> None:
    def build(wire: SessionWire) -> Starlette:
        return Starlette(routes=[Mount("/", wire)])  # without its lifespan

    async with site(settings, build) as served:
        for headers in ({}, UPGRADE):
            response = await served.get("/api/auth/ok", **headers)
            assert response.status_code == 503 and carries_the_headers(response)
            assert response.headers["retry-after"] == "1"
            assert response.json()["code"] == "SERVICE_UNAVAILABLE"


async def test_a_failure_of_ours_is_500_that_says_nothing() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("the secret is hunter2")

    transport = httpx.ASGITransport(Shell(broken, secure=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
        response = await http.get("/anything")
    assert response.status_code == 500 and carries_the_headers(response)
    assert response.json() == {"message": "Internal server error", "code": "INTERNAL_SERVER_ERROR"}
    assert response.headers["x-request-id"] and "hunter2" not in response.text


async def test_a_page_keeps_its_own_headers(alone: Site) -> None:
    response = await alone.get("/sessionwire/client/index.js")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers.get_list("content-security-policy") != []


async def test_what_we_do_not_know_is_for_the_application_around_us(
    settings: Settings, store: Store
) -> None:
    async def lost(request: Request, error: Exception) -> Response:
        return PlainTextResponse("lost", 404)

    def build(wire: SessionWire) -> Starlette:
        return Starlette(
            routes=[Mount("/", wire)], lifespan=wire.lifespan, exception_handlers={404: lost}
        )

    async with site(settings, build) as served:
        assert (await served.get("/nope")).text == "lost"
        assert (await served.get("/api/auth/nope")).text == ""
        wrong = await served.send("POST", "/sessionwire/client/index.js")
        assert wrong.status_code == 405 and carries_the_headers(wrong)


async def test_the_default_404_around_us_carries_the_headers(
    settings: Settings, store: Store
) -> None:
    def build(wire: SessionWire) -> Starlette:
        return Starlette(routes=[Mount("/", wire)], lifespan=wire.lifespan)

    async with site(settings, build) as served:
        response = await served.get("/nope")
        assert response.status_code == 404 and carries_the_headers(response)


async def test_under_a_path_the_api_works_and_a_page_says_that_it_cannot(
    settings: Settings, store: Store
) -> None:
    def build(wire: SessionWire) -> Starlette:
        return Starlette(
            routes=[Route("/own", lambda request: PlainTextResponse("own")), Mount("/id", wire)],
            lifespan=wire.lifespan,
        )

    alice = await add_person(store, settings, "Alice")
    async with site(settings, build) as served:
        shown = await served.get("/id/api/auth/get-session", alice)
        assert shown.json()["user"]["name"] == "Alice"
        assert (await served.get("/id/sessionwire/client/index.js")).status_code == 200
        refused = await served.get("/id/sign-in")
        assert refused.status_code == 404 and carries_the_headers(refused)
        assert refused.json()["code"] == "MOUNTED_UNDER_A_PATH"
        foreign = await served.get("/id/live", **UPGRADE, origin="https://evil.test")
        assert foreign.json()["code"] == "INVALID_ORIGIN"
