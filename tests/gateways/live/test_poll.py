"""`POST /live/poll`: the live wire by HTTP alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount

from gateways.python.site import site
from sessionwire.policy.limits import Limits
from support.people import Person, add_organization, add_person
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from sessionwire import SessionWire
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

QUERIES = ["session", "user", "organizations", "organization", "devices"]
ALL: list[dict[str, Any]] = [{"id": id, "query": query} for id, query in enumerate(QUERIES)]
USER: list[dict[str, Any]] = [{"id": 1, "query": "user"}]


@contextlib.asynccontextmanager
async def poller(server: Running, who: Person | None = None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {} if who is None else {"cookie": who.cookie}
    async with server.http(headers=headers) as http:
        yield http


async def poll(http: httpx.AsyncClient, subscriptions: Any, **more: Any) -> httpx.Response:
    return await http.post("/live/poll", json={"subscriptions": subscriptions, **more})


async def rename(store: Store, person: Person, name: str) -> str:
    """The version of the write."""
    async with store.writing() as writing:
        await writing.update_one("user", {"_id": person.id}, {"$set": {"name": name}})
    return f"{writing.version:016x}"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 (the hub tells nobody)
            await asyncio.sleep(0.005)


def tagged(answer: httpx.Response, subscriptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The subscriptions, each with what the answer showed of it."""
    results = {each["id"]: each for each in answer.json()["results"]}
    return [
        {**each, "error": result["error"]["code"]}
        if "error" in result
        else {**each, "tag": result["tag"]}
        for each in subscriptions
        for result in [results[each["id"]]]
    ]


async def test_a_poll_answers_the_frame_that_a_socket_is_sent(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    await add_organization(store, "Acme", {alice.id: "owner"})
    live = await server.live(cookie=alice.cookie)
    async with poller(server, alice) as http:
        for id, query in enumerate(QUERIES):
            answer = await poll(http, [{"id": id, "query": query}])
            assert answer.status_code == 200
            await live.subscribe(id, query)
            frame = await live.until(lambda frame: frame["op"] == "update")
            said = answer.json()
            assert said["version"] == answer.headers["sessionwire-version"] <= frame["version"]
            frame.pop("ack", None)  # a socket's, while somebody watches
            assert {**said, "version": frame["version"]} == frame
        together = await poll(http, ALL)
    shown = {each["id"]: each["data"] for each in together.json()["results"]}
    assert shown == live.shows and together.json()["op"] == "update"
    assert together.headers["cache-control"] == "no-store"


async def test_a_poll_of_one_query_has_the_bytes_of_the_socket(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    live = await server.live(cookie=alice.cookie)
    await live.subscribe(1, "user")
    await live.until_shown(1, lambda data: True)
    async with poller(server, alice) as http:
        first = await poll(http, USER)
        waiting = asyncio.create_task(poll(http, tagged(first, USER)))
        await until(lambda: server.wire.relay.hub.connections == 2)
        await rename(store, alice, "Alicia")
        text = await live.connection.recv(decode=False)
        assert (await waiting).content == text


async def test_a_poll_waits_until_something_differs_from_the_tags(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with poller(server, alice) as http:
        known = tagged(await poll(http, ALL), ALL)
        same = await poll(http, known, wait=0)
        assert (same.status_code, same.content) == (204, b"")
        assert len(same.headers["sessionwire-version"]) == 16
        known[1]["tag"] = "0" * 16
        (other,) = (await poll(http, known)).json()["results"]
        assert other["id"] == 1 and other["data"]["name"] == "Alice"
        known[1]["tag"] = other["tag"]
        waiting = asyncio.create_task(poll(http, known))
        await until(lambda: server.wire.relay.hub.connections == 1)
        version = await rename(store, alice, "Alicia")
        frame = (await waiting).json()
    assert frame["version"] == version
    assert {each["id"] for each in frame["results"]} == {0, 1}
    assert all("data" in each for each in frame["results"])


async def test_a_poll_without_news_ends_after_its_wait_and_never_after_the_heartbeat(
    store: Store, settings: Settings
) -> None:
    limits = settings.model_copy(update={"limits": Limits(heartbeat=1)})
    async with run_server(limits) as server, poller(server) as http:
        known = tagged(await poll(http, USER), USER)
        began = asyncio.get_running_loop().time()
        for more in ({"wait": 0.05}, {"wait": 3600}, {}):
            assert (await poll(http, known, **more)).status_code == 204
        assert 2.0 < asyncio.get_running_loop().time() - began < 6.0


@pytest.mark.parametrize("by_header", [False, True])
async def test_a_poll_shows_nothing_older_than_its_client_has_seen(
    store: Store, settings: Settings, by_header: bool
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with run_server(settings) as server, poller(server, alice) as http:
        for number in range(20):
            version = await rename(store, alice, f"n{number}")
            more = {} if by_header else {"since": version}
            if by_header:
                http.headers["sessionwire-version"] = version
            frame = (await poll(http, USER, **more)).json()
            assert frame["version"] >= version
            assert frame["results"][0]["data"]["name"] == f"n{number}"


async def test_a_version_that_never_comes_is_an_error_of_each_result(
    store: Store, settings: Settings
) -> None:
    limits = settings.model_copy(update={"limits": Limits(version_wait=0.1)})
    async with run_server(limits) as server, poller(server) as http:
        frame = (await poll(http, ALL, since="f" * 16)).json()
    assert {each["error"]["code"] for each in frame["results"]} == {"version_unavailable"}
    assert len(frame["results"]) == len(ALL) and frame["version"] < "f" * 16


@pytest.mark.parametrize("reason", ["signed_out", "password_changed", "banned", "deleted"])
async def test_the_end_of_a_session_answers_at_once_and_ever_after(
    server: Running, store: Store, settings: Settings, reason: str
) -> None:
    http = await server.sign_up()
    known = tagged(await poll(http, USER), USER)
    waiting = asyncio.create_task(poll(http, known))
    await until(lambda: server.wire.relay.hub.connections == 1)
    kept = http.cookies.jar
    other = await server.sign_in()
    async with server.http(cookies=httpx.Cookies(kept)) as again:
        await _end(server, store, again, other, reason)
    answer = await waiting
    assert (answer.status_code, answer.json()["op"]) == (401, "bye")
    assert (answer.json()["reason"], answer.json()["retry"]) == (reason, False)


async def _end(
    server: Running, store: Store, http: httpx.AsyncClient, other: httpx.AsyncClient, reason: str
) -> None:
    if reason == "signed_out":
        await http.post("/api/auth/sign-out", json={})
        return
    if reason == "password_changed":
        body = {
            "currentPassword": "correct horse battery",
            "newPassword": "another horse battery",
            "revokeOtherSessions": True,
        }
        assert (await other.post("/api/auth/change-password", json=body)).status_code == 200
        return
    async with store.writing() as writing:
        if reason == "banned":
            await writing.update_one("user", {"name": "Alice"}, {"$set": {"banned": True}})
        else:
            await writing.delete_one("user", {"name": "Alice"})


async def test_a_session_that_expires_while_a_poll_waits_ends_it(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        soon = {"$set": {"expiresAt": datetime.now(UTC) + timedelta(seconds=0.7)}}
        await writing.update_one("session", {"_id": alice.session_id}, soon)
    async with poller(server, alice) as http:
        known = tagged(await poll(http, USER, since=f"{writing.version:016x}"), USER)
        for _ in range(2):  # while it waits, and when it comes too late
            answer = await poll(http, known)
            assert (answer.status_code, answer.json()["reason"]) == (401, "expired")


async def test_a_forged_or_missing_cookie_is_signed_out(server: Running) -> None:
    for cookie in ("", "sessionwire.session_token=forged.x"):
        async with server.http(headers={"cookie": cookie} if cookie else {}) as http:
            frame = (await poll(http, ALL)).json()
            assert [each["data"] for each in frame["results"]] == [None] * len(ALL)


async def test_what_one_query_refuses_is_its_own_result(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    asked = [
        {"id": 0, "query": "user"},
        {"id": 1, "query": "nope"},
        {"id": 2, "query": "$identity"},
        {"id": 3, "query": "user", "args": {"x": 1}},
        {"id": 4, "query": "session", "args": {"organization": "foreign"}},
    ]
    async with poller(server, alice) as http:
        answer = await poll(http, asked)
        results = {each["id"]: each for each in answer.json()["results"]}
        assert results[0]["data"]["name"] == "Alice"
        codes = [results[id]["error"]["code"] for id in (1, 2, 3, 4)]
        assert codes == ["unknown_query", "unknown_query", "invalid_args", "not_a_member"]
        assert (await poll(http, tagged(answer, asked), wait=0)).status_code == 204


MANY = [{"id": id, "query": "user"} for id in range(65)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"subscriptions": USER * 2}, "duplicate_id"),
        ({"subscriptions": MANY}, "too_many_subscriptions"),
        ({}, "invalid_frame"),
        ([], "invalid_frame"),
        ({"subscriptions": [], "more": 1}, "invalid_frame"),
        ({"subscriptions": [], "since": "F" * 16}, "invalid_frame"),
        ({"subscriptions": [], "since": "0" * 15 + "\n"}, "invalid_frame"),
        ({"subscriptions": [], "wait": -1}, "invalid_frame"),
        ({"subscriptions": [{"id": 1, "query": "user", "tag": 5}]}, "invalid_frame"),
    ],
)
async def test_a_body_that_cannot_be_answered_is_refused(
    server: Running, body: Any, code: str
) -> None:
    async with poller(server) as http:
        answer = await http.post("/live/poll", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert server.wire.relay.hub.connections == 0


async def test_what_no_poll_may_be_is_refused_as_everywhere(server: Running) -> None:
    async with poller(server) as http:
        form = await http.post("/live/poll", data={"subscriptions": "[]"})
        large = await http.post("/live/poll", json={"subscriptions": ["x" * 70_000]})
        got = await http.get("/live/poll")
        foreign = await http.options("/live/poll", headers={"origin": "https://evil.test"})
    assert [form.status_code, large.status_code] == [415, 413]
    assert [got.status_code, foreign.status_code] == [404, 404]


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("https://evil.test", "INVALID_ORIGIN"),
        ("null", "MISSING_OR_NULL_ORIGIN"),
        (None, "MISSING_OR_NULL_ORIGIN"),
    ],
)
async def test_a_foreign_page_is_refused(
    server: Running, store: Store, settings: Settings, origin: str | None, code: str
) -> None:
    alice = await add_person(store, settings, "Alice")
    headers = {"cookie": alice.cookie} | ({} if origin is None else {"origin": origin})
    async with httpx.AsyncClient(base_url=server.address) as http:
        answer = await http.post("/live/poll", json={"subscriptions": USER}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert "access-control-allow-origin" not in answer.headers


async def test_a_page_of_a_trusted_origin_may_poll(store: Store, settings: Settings) -> None:
    page = "https://app.example.com"
    trusting = settings.model_copy(update={"trusted_origins": (page,)})
    async with run_server(trusting) as server, server.http() as http:
        asked = {"origin": page, "access-control-request-method": "POST"}
        before = await http.options("/live/poll", headers=asked)
        answer = await http.post("/live/poll", json={"subscriptions": USER}, headers=asked)
    assert before.status_code == 204
    assert before.headers["access-control-allow-methods"] == "POST"
    for each in (before, answer):
        assert each.headers["access-control-allow-origin"] == page
        assert each.headers["access-control-allow-credentials"] == "true"
    assert answer.status_code == 200
    assert "sessionwire-version" in answer.headers["access-control-expose-headers"]


async def test_polls_and_sockets_share_their_limits(store: Store, settings: Settings) -> None:
    limits = Limits(connections_per_user=2, connections_per_address=3)
    async with run_server(settings.model_copy(update={"limits": limits})) as server:
        alice, bob = [await add_person(store, settings, name) for name in ("Alice", "Bob")]
        await server.live(cookie=alice.cookie)
        async with poller(server, alice) as http, poller(server, bob) as other:
            known = tagged(await poll(http, USER), USER)
            waiting = asyncio.create_task(poll(http, known, wait=2))
            await until(lambda: server.wire.relay.hub.connections == 2)
            refused = await poll(http, known)
            assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_CONNECTIONS")
            assert refused.headers["retry-after"] == "5"
            assert (await poll(other, USER)).status_code == 200
            await server.live()
            assert (await poll(other, USER)).status_code == 429
            assert (await waiting).status_code == 204


async def test_a_peer_that_leaves_leaves_nothing_behind(store: Store, settings: Settings) -> None:
    limits = Limits(idle_watches=0)
    async with run_server(settings.model_copy(update={"limits": limits})) as server:
        alice = await add_person(store, settings, "Alice")
        hub = server.wire.relay.hub
        async with poller(server, alice) as http:
            known = tagged(await poll(http, ALL), ALL)
        assert (hub.watches, hub.connections) == (0, 0)
        for _ in range(5):
            async with poller(server, alice) as http:
                waiting = [asyncio.create_task(poll(http, known)) for _ in range(10)]
                await until(lambda: hub.connections == 10)
                assert hub.watches == len(QUERIES) + 1
                for each in waiting:
                    each.cancel()
                await asyncio.wait(waiting)
            await until(lambda: hub.connections == 0)
        assert hub.watches == 0
        async with poller(server, alice) as http:
            assert (await poll(http, known, wait=0)).status_code == 204


async def test_a_stop_of_the_server_ends_what_waits(store: Store, settings: Settings) -> None:
    async with contextlib.AsyncExitStack() as outside:
        async with run_server(settings) as server:
            http = await outside.enter_async_context(poller(server))
            known = tagged(await poll(http, USER), USER)
            waiting = asyncio.create_task(poll(http, known))
            await until(lambda: server.wire.relay.hub.connections == 1)
            began = asyncio.get_running_loop().time()
        answer = await waiting
        assert asyncio.get_running_loop().time() - began < 5.0
    bye = answer.json()
    assert (answer.status_code, bye["reason"], bye["retry"]) == (503, "shutdown", True)
    assert 1 <= int(answer.headers["retry-after"]) <= 5


async def test_a_server_that_lost_the_stream_says_so(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = server.wire.relay.hub
    monkeypatch.setattr(server.wire.relay, "_heard", lambda: None)  # it would be live again
    async with poller(server) as http:
        known = tagged(await poll(http, USER), USER)
        waiting = asyncio.create_task(poll(http, known))
        await until(lambda: hub.connections == 1)
        hub.set_live(live=False)
        server.wire.relay.flush()
        answer = await waiting
    assert (answer.status_code, answer.json()) == (503, {"op": "status", "live": False})
    assert answer.headers["retry-after"] == "1"


async def test_many_polls_are_all_answered_by_one_recomputation(
    server: Running, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    many = server.http(headers={"cookie": alice.cookie}, limits=httpx.Limits(max_connections=60))
    hub = server.wire.relay.hub
    async with many as http:
        known = tagged(await poll(http, USER), USER)
        for number in range(5):
            waiting = [asyncio.create_task(poll(http, known)) for _ in range(50)]
            await until(lambda: hub.connections == 50)
            before = hub.tally.recomputed
            await rename(store, alice, f"n{number}")
            answers = [(await each).content for each in waiting]
            assert len(set(answers)) == 1
            assert (
                hub.tally.recomputed - before <= 3
            )  # the user, the identity, and one that is idle
            known = tagged(await waiting[0], USER)
    assert hub.connections == 0


def garbage(wait: Any) -> Any:
    """Bodies that are nothing, or nearly right."""
    subscription = st.fixed_dictionaries(
        {"id": st.integers(-1, 2**31) | JSON, "query": st.sampled_from(QUERIES) | JSON},
        optional={"args": JSON, "tag": JSON, "error": JSON},
    )
    body = st.fixed_dictionaries(
        {"wait": wait}, optional={"subscriptions": st.lists(subscription) | JSON, "since": JSON}
    )
    return st.binary(max_size=200) | body.map(lambda value: json.dumps(value).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=garbage(st.sampled_from([0, -1, 0.001])))
async def test_no_body_makes_the_server_fail_or_leaves_anything(
    server: Running, body: bytes
) -> None:
    async with poller(server) as http:
        kind = {"content-type": "application/json"}
        answer = await http.post("/live/poll", content=body, headers=kind)
    assert answer.status_code in (200, 204, 400)
    if answer.status_code == 400:
        assert set(answer.json()) == {"code", "message"}
    assert server.wire.relay.hub.connections == 0


async def test_a_middleware_around_the_application_changes_nothing(
    store: Store, settings: Settings
) -> None:
    """Starlette's BaseHTTPMiddleware wraps `receive`, by which a poll notices that a peer left."""

    async def passing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    def build(wire: SessionWire) -> Starlette:
        around = [Middleware(BaseHTTPMiddleware, dispatch=passing)]
        return Starlette(routes=[Mount("/", wire)], middleware=around, lifespan=wire.lifespan)

    async with site(settings, build) as served:
        async with httpx.AsyncClient(base_url=served.address, timeout=20) as http:
            known = tagged(await poll(http, USER), USER)
            assert (await poll(http, known, wait=0.3)).status_code == 204
            waiting = asyncio.create_task(poll(http, known))
            await until(lambda: served.wire.relay.hub.connections == 1)
            waiting.cancel()
            await asyncio.wait([waiting])
        await until(lambda: served.wire.relay.hub.connections == 0)
