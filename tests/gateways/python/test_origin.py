"""What other sites' pages make a browser send is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from gateways.python.site import UPGRADE, Site, carries_the_headers, site
from sessionwire import SessionWire, assert_fetch_metadata, assert_origin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

TRUSTED = "https://app.example.com"


async def write(request: Request) -> Response:
    assert_origin(request)
    return PlainTextResponse("done")


async def report(request: Request) -> Response:
    assert_fetch_metadata(request)
    return PlainTextResponse("done")


async def socket(websocket: WebSocket) -> None:
    assert_origin(websocket)
    await websocket.close(1000)


def application(wire: SessionWire) -> Starlette:
    methods = ["GET", "POST", "DELETE"]
    return Starlette(
        routes=[
            Route("/write", write, methods=methods),
            Route("/report", report, methods=methods),
            WebSocketRoute("/socket", socket),
            Mount("/", wire),
        ],
        lifespan=wire.lifespan,
    )


@pytest.fixture
async def served(settings: Settings, store: Store) -> AsyncIterator[Site]:
    trusting = settings.model_copy(update={"trusted_origins": (TRUSTED,)})
    async with site(trusting, application) as running:
        yield running


OWN = "own"
NOBODY = None
FOREIGN = "https://evil.test"


@pytest.mark.parametrize(
    ("method", "origin", "cookie", "code"),
    [
        ("POST", OWN, "a=b", None),
        ("DELETE", OWN, None, None),
        ("POST", TRUSTED, "a=b", None),
        ("POST", FOREIGN, "a=b", "INVALID_ORIGIN"),
        ("POST", FOREIGN, None, "INVALID_ORIGIN"),
        ("POST", "null", "a=b", "MISSING_OR_NULL_ORIGIN"),
        ("POST", NOBODY, "a=b", "MISSING_OR_NULL_ORIGIN"),
        ("DELETE", NOBODY, "a=b", "MISSING_OR_NULL_ORIGIN"),
        ("POST", NOBODY, None, None),
        ("GET", NOBODY, "a=b", None),
        ("GET", FOREIGN, None, "INVALID_ORIGIN"),
    ],
)
async def test_a_write_names_a_trusted_origin(
    served: Site, method: str, origin: str | None, cookie: str | None, code: str | None
) -> None:
    headers = {"origin": served.address if origin == OWN else origin, "cookie": cookie}
    response = await served.send(
        method, "/write", **{name: value for name, value in headers.items() if value is not None}
    )
    assert response.status_code == (200 if code is None else 403)
    if code is not None:
        assert response.json()["code"] == code and response.json()["message"]
        assert carries_the_headers(response)
        assert response.headers["content-type"] == "application/json"


async def test_a_referer_names_the_origin_as_well(served: Site) -> None:
    for referer, status in ((f"{served.address}/form", 200), ("https://evil.test/form", 403)):
        response = await served.send("POST", "/write", cookie="a=b", referer=referer)
        assert response.status_code == status


@pytest.mark.parametrize(
    ("method", "site", "mode", "dest", "status"),
    [
        ("GET", "same-origin", "cors", "empty", 200),
        ("POST", "same-origin", "cors", "empty", 200),
        ("GET", "none", "navigate", "document", 200),
        ("POST", "none", "navigate", "document", 403),
        ("GET", "cross-site", "navigate", "document", 200),
        ("GET", "cross-site", "navigate", "iframe", 403),
        ("GET", "cross-site", "no-cors", "image", 403),
        ("GET", "cross-site", "cors", "empty", 403),
        ("POST", "cross-site", "navigate", "document", 403),
        ("GET", "same-site", "no-cors", "script", 403),
        ("GET", "odd", "cors", "empty", 403),
    ],
)
async def test_fetch_metadata_tell_our_pages_from_others(
    served: Site, method: str, site: str, mode: str, dest: str, status: int
) -> None:
    response = await served.send(
        method, "/report", sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest
    )
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "CROSS_SITE_REQUEST" and carries_the_headers(response)


@pytest.mark.parametrize(
    ("origin", "status"), [(TRUSTED, 200), (FOREIGN, 403), (OWN, 403), (NOBODY, 403)]
)
async def test_a_trusted_origin_may_fetch_from_another_site(
    served: Site, origin: str | None, status: int
) -> None:
    given = {} if origin is None else {"origin": served.address if origin == OWN else origin}
    response = await served.get("/report", sec_fetch_site="cross-site", **given)
    assert response.status_code == status


async def test_senders_without_metadata_pass(served: Site) -> None:
    assert (await served.send("POST", "/report")).status_code == 200


async def test_a_handshake_names_a_trusted_origin(served: Site) -> None:
    foreign = await served.get("/socket", origin=FOREIGN, **UPGRADE)
    nameless = await served.get("/socket", cookie="a=b", **UPGRADE)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "INVALID_ORIGIN")
    assert (nameless.status_code, nameless.json()["code"]) == (403, "MISSING_OR_NULL_ORIGIN")
    assert carries_the_headers(foreign) and carries_the_headers(nameless)
