"""Who is signed in, asked by endpoints of an application."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pymongo import AsyncMongoClient, monitoring
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from auth.rig import opened_store, settings_with, unique_address
from gateways.auth.browser import Server
from gateways.python.site import UPGRADE, Site, carries_the_headers, site
from sessionwire import (
    SessionWire,
    auth,
    get_current_session,
    require_user,
    secure_user_json,
)
from sessionwire.auth.api import API, Auth
from sessionwire.errors import Unavailable
from sessionwire.model import format_version
from support.people import add_organization, add_person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store


async def me(request: Request) -> Response:
    return secure_user_json(await get_current_session(request))


async def page(request: Request) -> Response:
    user = await require_user(request)
    return PlainTextResponse(user.name)


async def socket(websocket: WebSocket) -> None:
    user = await require_user(websocket)
    await websocket.accept()
    await websocket.send_text(user.name)
    await websocket.close()


def application(wire: SessionWire) -> Starlette:
    anything = Route("/pages/{rest:path}", page, methods=["GET", "POST", "DELETE"])
    return Starlette(
        routes=[
            Route("/me", me),
            Mount("/inner", app=Starlette(routes=[Route("/me", me), anything])),
            WebSocketRoute("/socket", socket),
            anything,
            Mount("/", wire),
        ],
        lifespan=wire.lifespan,
    )


@pytest.fixture
async def served(settings: Settings, store: Store) -> AsyncIterator[Site]:
    async with site(settings, application) as running:
        yield running


async def test_an_endpoint_reads_the_session_view(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    acme = await add_organization(store, "Acme", {alice.id: "owner"})
    async with store.writing() as writing:
        pointer = {"$set": {"activeOrganizationId": str(acme)}}
        await writing.update_one("user", {"_id": alice.id}, pointer)
    seen = format_version(writing.version)
    view = await served.wire.auth.api.get_session(
        headers={"Cookie": alice.cookie, "Sessionwire-Version": seen}
    )
    assert view is not None and view.organization is not None
    assert view.user.active_organization_id == str(acme) == view["user"]["activeOrganizationId"]
    assert dict(view.organization)["name"] == "Acme" and "slug" in view.organization
    with pytest.raises(KeyError):
        view["active_organization"]
    shown = (await served.get("/me", alice)).json()
    over_http = (await served.get("/api/auth/get-session", alice)).json()
    assert shown["user"] == over_http["user"] and shown["role"] == "owner"


async def test_a_request_of_a_pinned_tab_is_about_its_organization(
    served: Site, store: Store, settings: Settings
) -> None:
    """As long as the user is a member of it: then it is refused, and never another one."""
    alice = await add_person(store, settings, "Alice")
    acme = await add_organization(store, "Acme", {alice.id: "owner"})
    other = await add_organization(store, "Other", {alice.id: "member"})
    async with store.writing() as writing:
        pointer = {"$set": {"activeOrganizationId": str(acme)}}
        await writing.update_one("user", {"_id": alice.id}, pointer)
    seen = {"sessionwire-version": format_version(writing.version)}
    pin = {**seen, "sessionwire-organization": str(other)}
    for _ in range(2):
        for path in ("/me", "/api/auth/get-session"):
            plain = (await served.get(path, alice, **seen)).json()
            pinned = (await served.get(path, alice, **pin)).json()
            assert (plain["role"], pinned["role"]) == ("owner", "member")
    async with store.writing() as writing:
        await writing.delete_many("member", {"organizationId": other})
    pin["sessionwire-version"] = format_version(writing.version)
    for path in ("/me", "/api/auth/get-session"):
        refused = await served.get(path, alice, **pin)
        assert refused.status_code == 403
        assert refused.json()["code"] == "USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION"
        carries_the_headers(refused)


async def test_a_visitor_reads_none(served: Site) -> None:
    assert (await served.get("/me")).json() is None
    assert (await served.get("/me", cookie="sessionwire.session_token=forged.x")).json() is None


async def test_a_session_that_ended_or_expired_reads_as_none(
    served: Site, store: Store, settings: Settings
) -> None:
    alice, bob = [await add_person(store, settings, name) for name in ("Alice", "Bob")]
    assert (await served.get("/me", alice)).json()["user"]["name"] == "Alice"
    async with store.writing() as writing:
        await writing.delete_one("session", {"_id": alice.session_id})
        past = {"$set": {"expiresAt": datetime.now(UTC) - timedelta(seconds=1)}}
        await writing.update_one("session", {"_id": bob.session_id}, past)
    seen = format_version(writing.version)
    for person in (alice, bob):
        assert (await served.get("/me", person, sessionwire_version=seen)).json() is None


async def test_a_held_session_is_read_without_the_database(
    settings: Settings, mongo: EmbeddedMongo, store: Store
) -> None:
    class Counter(monitoring.CommandListener):
        asked: list[str] = []

        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command_name not in ("getMore", "hello", "ping", "killCursors"):
                self.asked.append(event.command_name)

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...
        def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    counter = Counter()
    client: AsyncMongoClient[Any] = AsyncMongoClient(mongo.uri, event_listeners=[counter])
    alice = await add_person(store, settings, "Alice")
    async with client, site(settings, application, client=client) as served:
        assert (await served.get("/me", alice)).json()["user"]["name"] == "Alice"
        counter.asked.clear()
        loads = served.wire.relay.loads
        for _ in range(20):
            assert (await served.get("/me", alice)).json() is not None
            assert (await served.get("/pages/x", alice)).text == "Alice"
        assert counter.asked == [] and served.wire.relay.loads == loads


@pytest.mark.parametrize("where", ["header", "cookie"])
async def test_who_presents_a_version_reads_their_write(
    served: Site, store: Store, settings: Settings, where: str
) -> None:
    alice = await add_person(store, settings, "Alice")
    await served.get("/me", alice)
    for number in range(20):
        async with store.writing() as writing:
            name = {"$set": {"name": f"Alice {number}"}}
            await writing.update_one("user", {"_id": alice.id}, name)
        seen = format_version(writing.version)
        cookie = f"{alice.cookie}; sessionwire.version={seen}"
        given = (
            {"cookie": cookie}
            if where == "cookie"
            else {"COOKIE": alice.cookie, "SESSIONWIRE-VERSION": seen}
        )
        view = await auth.api.get_session(headers=given)
        assert view is not None and view.user.name == f"Alice {number}"


async def test_headers_come_as_a_mapping_or_as_pairs(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    raw = alice.cookie.encode()
    value = alice.cookie.partition("=")[2]
    for headers in (
        {"Cookie": alice.cookie},
        httpx.Headers({"cookie": alice.cookie}),
        [("Cookie", "theme=dark"), ("cookie", alice.cookie)],
        [(b"cookie", raw)],
        {"authorization": f"Bearer {value}"},
    ):
        view = await auth.api.get_session(headers=headers)
        assert view is not None and view.user.name == "Alice"
    foreign = {"authorization": f"Bearer {value}", "origin": "https://evil.test"}
    assert await auth.api.get_session(headers=foreign) is None
    assert await auth.api.get_session(headers={}) is None


async def test_reading_never_extends_a_session(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    due = datetime.now(UTC) - timedelta(days=3)
    async with store.writing() as writing:
        dates = {"updatedAt": due, "createdAt": due, "expiresAt": due + timedelta(days=7)}
        await writing.update_one("session", {"_id": alice.session_id}, {"$set": dates})
    before = await store.find_one("session", {"_id": alice.session_id})
    assert (await served.get("/me", alice)).json()["user"]["name"] == "Alice"
    assert await store.find_one("session", {"_id": alice.session_id}) == before


@contextlib.asynccontextmanager
async def unreachable(mongodb_uri: str) -> AsyncIterator[tuple[Server, str]]:
    """A server whose database can be lost, and a signed-in browser's cookie."""
    async with opened_store(mongodb_uri) as store:
        server = Server(store, settings_with())
        browser = server.browser()
        await browser.sign_up(unique_address())
        cookie = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
        running = Auth()
        backing = server.backing
        with running.serving(API(backing.reading, backing.origins, secure=False)):
            assert await auth.api.get_session(headers={"cookie": cookie}) is not None
            server.reader.reachable = False
            yield server, cookie


async def test_an_unreachable_database_is_503_and_never_signed_out(mongo: EmbeddedMongo) -> None:
    app = Starlette(routes=[Route("/me", me), Route("/page", page)])
    async with unreachable(mongo.uri) as (_, cookie):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as http:
            for path in ("/me", "/page"):
                response = await http.get(path, headers={"cookie": cookie})
                assert response.status_code == 503 and carries_the_headers(response)
                assert int(response.headers["retry-after"]) > 0
                assert response.json()["code"] == "SERVICE_UNAVAILABLE"
            assert (await http.get("/me")).json() is None  # without a cookie there is no question
        with pytest.raises(Unavailable):
            await auth.api.get_session(headers={"cookie": cookie})


async def test_a_user_is_let_in(served: Site, store: Store, settings: Settings) -> None:
    alice = await add_person(store, settings, "Alice")
    assert (await served.get("/pages/x", alice)).text == "Alice"
    assert (await served.send("POST", "/pages/x", alice)).text == "Alice"


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/pages/projects", "/sign-in?redirect=/pages/projects"),
        ("/pages/a?b=1&c=%2F", "/sign-in?redirect=/pages/a%3Fb%3D1%26c%3D%252F"),
        ("/pages/caf%C3%A9", "/sign-in?redirect=/pages/caf%25C3%25A9"),
        ("/inner/pages/deep", "/sign-in?redirect=/inner/pages/deep"),
        ("/pages//evil.test", "/sign-in"),
        ("/pages/%2f%2fevil.test", "/sign-in"),
        ("/pages/%5cevil.test", "/sign-in"),
        ("/pages/" + "x" * 2100, "/sign-in"),
    ],
)
async def test_a_visitor_is_sent_to_sign_in_and_comes_back_to_a_safe_path(
    served: Site, asked: str, location: str
) -> None:
    response = await served.get(asked)
    assert (response.status_code, response.headers["location"]) == (303, location)
    assert carries_the_headers(response) and response.content == b""


async def test_no_host_decides_where_a_visitor_is_sent(served: Site) -> None:
    response = await served.get("/pages/x", host="evil.test/pages/y?")
    assert "evil" not in response.headers.get("location", "")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_no_link_can_repeat_is_not_returned_to(served: Site, method: str) -> None:
    response = await served.send(method, "/pages/x")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")


async def test_a_websocket_is_refused_instead_of_redirected(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    visitor = await served.get("/socket", origin=served.address, **UPGRADE)
    foreign = await served.get("/socket", alice, origin="https://evil.test", **UPGRADE)
    nameless = await served.get("/socket", alice, **UPGRADE)
    assert [each.status_code for each in (visitor, foreign, nameless)] == [401, 403, 403]
    assert all(carries_the_headers(each) for each in (visitor, foreign, nameless))
    assert foreign.json()["code"] == "INVALID_ORIGIN"


async def test_the_helpers_of_a_mounted_application_find_the_server(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    assert (await served.get("/inner/me", alice)).json()["user"]["name"] == "Alice"


async def test_without_a_server_a_helper_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match=r"lifespan=wire\.lifespan"):
        await auth.api.get_session(headers={})
    with pytest.raises(RuntimeError, match=r"lifespan=wire\.lifespan"):
        _ = SessionWire(settings).auth.api


async def test_of_several_servers_each_application_has_its_own(
    settings: Settings, mongo: EmbeddedMongo, store: Store
) -> None:
    async with opened_store(mongo.uri) as elsewhere:
        other = settings.model_copy(update={"database": elsewhere._name})
        alice = await add_person(store, settings, "Alice")
        bob = await add_person(elsewhere, other, "Bob")
        one = SessionWire(settings)

        def build(two: SessionWire) -> Starlette:
            first = Starlette(routes=[Route("/me", me)])
            second = Starlette(routes=[Route("/me", me)])

            @contextlib.asynccontextmanager
            async def lifespan(app: Starlette) -> AsyncIterator[None]:
                async with one.lifespan(first), two.lifespan(second):
                    yield

            routes = [Mount("/one", first), Mount("/two", second), Route("/me", me)]
            return Starlette(routes=routes, lifespan=lifespan, exception_handlers={500: failed})

        async with site(other, build) as served:
            assert (await served.get("/one/me", alice)).json()["user"]["name"] == "Alice"
            assert (await served.get("/two/me", bob)).json()["user"]["name"] == "Bob"
            assert (await served.get("/one/me", bob)).json() is None
            found = await served.wire.auth.api.get_session(headers={"cookie": bob.cookie})
            assert found is not None and found.user.name == "Bob"
            assert "2 sessionwire servers" in (await served.get("/me", bob)).json()
            with pytest.raises(RuntimeError, match="2 sessionwire servers"):
                await auth.api.get_session(headers={"cookie": bob.cookie})


async def failed(request: Request, error: Exception) -> Response:
    return JSONResponse(str(error), 500)


async def test_two_servers_in_one_application_are_refused(settings: Settings, store: Store) -> None:
    app = Starlette()
    async with SessionWire(settings).lifespan(app) as state:
        assert state["sessionwire"] is app.state.sessionwire
        with pytest.raises(RuntimeError, match="sub-application"):
            async with SessionWire(settings).lifespan(app):
                pass
    assert not hasattr(app.state, "sessionwire")
