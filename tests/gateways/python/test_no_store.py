"""The API's headers on the routes of an application, whatever they answer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi import HTTPException as FastAPIException
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router, WebSocketRoute

from gateways.python.site import UPGRADE, carries_the_headers, site
from sessionwire import SessionWire, no_store
from sessionwire.fastapi import NoStoreRoute

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store


async def fine(request: Request) -> Response:
    return PlainTextResponse("fine", headers={"cache-control": "public, max-age=600"})


async def moved(request: Request) -> Response:
    return RedirectResponse("/elsewhere")


async def absent(request: Request) -> Response:
    raise HTTPException(404, headers={"Cache-Control": "max-age=60", "X-Why": "gone"})


async def broken(request: Request) -> Response:
    raise RuntimeError("broken")


def plain(request: Request) -> Response:
    return PlainTextResponse("fine")


ROUTES = [
    Route("/fine", fine),
    Route("/moved", moved),
    Route("/absent", absent),
    Route("/broken", broken),
]
KINDS = [
    ("GET", "/fine", 200),
    ("GET", "/moved", 307),
    ("GET", "/absent", 404),
    ("GET", "/broken", 500),
    ("GET", "/unknown", 404),
    ("POST", "/fine", 405),
]


async def ask(app: ASGIApp, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
        return await http.request(method, path)


def fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/fine")
    async def fine() -> dict[str, str]:
        return {"fine": "yes"}

    @app.get("/moved")
    async def moved() -> Response:
        return RedirectResponse("/elsewhere")

    @app.get("/absent")
    async def absent() -> None:
        raise FastAPIException(404)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    return app


def added(app: Any) -> ASGIApp:
    app.add_middleware(no_store)
    return app  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(lambda: no_store(Starlette(routes=ROUTES)), id="around Starlette"),
        pytest.param(lambda: added(Starlette(routes=ROUTES)), id="in Starlette"),
        pytest.param(lambda: no_store(fastapi()), id="around FastAPI"),
        pytest.param(lambda: added(fastapi()), id="in FastAPI"),
    ],
)
@pytest.mark.parametrize(("method", "path", "status"), KINDS)
async def test_every_answer_of_an_application_carries_the_headers(
    app: Any, method: str, path: str, status: int
) -> None:
    response = await ask(app(), method, path)
    assert response.status_code == status
    assert carries_the_headers(response)


@pytest.mark.parametrize(("method", "path", "status"), [kind for kind in KINDS if kind[2] != 500])
async def test_a_part_of_an_application_can_be_chosen(method: str, path: str, status: int) -> None:
    app = Starlette(routes=[Mount("/account", no_store(Router(ROUTES))), *ROUTES])
    response = await ask(app, method, f"/account{path}")
    assert response.status_code == status and carries_the_headers(response)
    assert "referrer-policy" not in (await ask(app, method, path)).headers


async def test_an_endpoint_can_be_decorated() -> None:
    @no_store
    class Page(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("fine")

    app = Starlette(
        routes=[
            Route("/fine", no_store(fine)),
            Route("/plain", no_store(plain)),
            Route("/partial", no_store(functools.partial(fine))),
            Route("/absent", no_store(absent)),
            Route("/class", Page),
            Route("/route", fine, middleware=[Middleware(no_store)]),
        ]
    )
    for path in ("/fine", "/plain", "/partial", "/class", "/route"):
        response = await ask(app, "GET", path)
        assert response.status_code == 200 and carries_the_headers(response), path
    refused = await ask(app, "GET", "/absent")
    assert carries_the_headers(refused) and refused.headers["x-why"] == "gone"
    assert (await ask(app, "POST", "/fine")).status_code == 405


async def test_a_decorated_endpoint_that_returns_no_response_says_what_to_do() -> None:
    @no_store
    async def answer() -> dict[str, int]:
        return {"answer": 42}

    with pytest.raises(TypeError, match="NoStoreRoute"):
        await answer()


async def test_a_page_keeps_its_own_policy_and_variants() -> None:
    @no_store
    async def page(request: Request) -> Response:
        said = {"content-security-policy": "default-src 'self'", "vary": "Accept, cookie"}
        return HTMLResponse("<h1>Hi</h1>", headers=said)

    headers = (await ask(Starlette(routes=[Route("/", page)]), "GET", "/")).headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["vary"] == "Accept, cookie" and headers["cache-control"] == "no-store"


async def test_a_failure_is_still_raised_and_said_in_the_applications_own_words() -> None:
    async def sorry(request: Request, error: Exception) -> Response:
        return PlainTextResponse("sorry", 500)

    app = Starlette(routes=ROUTES, exception_handlers={500: sorry})
    app.add_middleware(no_store)
    assert (await ask(app, "GET", "/broken")).text == "sorry"
    with pytest.raises(RuntimeError, match="broken"):
        transport = httpx.ASGITransport(added(Starlette(routes=ROUTES)))
        async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
            await http.get("/broken")


async def test_a_fastapi_router_can_be_chosen() -> None:
    router = APIRouter(route_class=NoStoreRoute)

    @router.get("/number/{number}")
    async def number(number: int) -> dict[str, int]:
        if number == 0:
            raise FastAPIException(404)
        return {"number": number}

    app = FastAPI()
    app.include_router(router, prefix="/account")
    for given, status in (("1", 200), ("0", 404), ("x", 422)):
        response = await ask(app, "GET", f"/account/number/{given}")
        assert response.status_code == status and carries_the_headers(response)


async def test_a_denied_handshake_carries_the_headers(settings: Settings, store: Store) -> None:
    async def deny(websocket: WebSocket) -> None:
        raise HTTPException(418)

    def build(wire: SessionWire) -> ASGIApp:
        app = Starlette(routes=[WebSocketRoute("/socket", deny)], lifespan=wire.lifespan)
        return added(app)

    async with site(settings, build) as served:
        response = await served.get("/socket", **UPGRADE)
        assert response.status_code == 418 and carries_the_headers(response)


def test_one_answer_is_given_the_headers_and_stays_what_it_is() -> None:
    given = HTMLResponse("fine", headers={"content-security-policy": "default-src 'self'"})
    answer = no_store(given)
    assert answer is given
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'self'"
