"""The id of a request: in its answer, in what is logged of it, and who may choose it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from sessionwire import SessionWire
from sessionwire.context import CONNECTION, REQUEST
from sessionwire.gateways.operations.requests import Requests
from support.edge import edge
from support.raw import UPGRADE, ask, request

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store
    from support.server import Running

MADE = re.compile("[0-9a-f]{16}")


async def said(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the id that its code runs under."""
    await PlainTextResponse(REQUEST.get())(scope, receive, send)


async def asked(app: Requests, path: str = "/", **headers: str) -> httpx.Response:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    transport = httpx.ASGITransport(app, client=("10.0.0.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as http:
        return await http.get(path, headers=raw)


def trusting(app: Any = said, *, templates: tuple[str, ...] = ()) -> Requests:
    return Requests(app, templates=templates, trusts=lambda address: address == "10.0.0.7")


async def test_every_request_has_an_id_of_its_own() -> None:
    app = trusting()
    answers = [await asked(app) for _ in range(50)]
    ids = {each.text for each in answers}
    assert len(ids) == 50 and all(MADE.fullmatch(each) for each in ids)
    for each in answers:
        assert each.headers.get_list("x-request-id") == [each.text]
    assert REQUEST.get() == ""


@pytest.mark.parametrize(
    "id", ["0af7651916cd43dd8448eb211c80319c", "Root=1-67891233-abcdef", "a.b_c-d:0", "x" * 128]
)
async def test_a_trusted_proxy_names_its_requests(id: str) -> None:
    assert (await asked(trusting(), **{"X-Request-Id": id})).text == id


@pytest.mark.parametrize(
    "id", ["short", "x" * 129, "with space", 'quote"quote', "<script>", "semi;colon", "\xfc" * 9]
)
async def test_an_id_that_could_be_more_than_an_id_is_replaced(id: str) -> None:
    answer = await asked(trusting(), **{"X-Request-Id": id})
    assert MADE.fullmatch(answer.text)


async def test_nobody_else_names_requests(server: Running) -> None:
    async with server.http() as http:
        answer = await http.get("/api/auth/ok", headers={"X-Request-Id": "chosen-by-a-peer"})
    assert MADE.fullmatch(answer.headers["x-request-id"])


async def test_the_proxy_is_who_holds_the_socket(mongo: EmbeddedMongo) -> None:
    """Not who it says that it speaks for: that is `client` by then."""
    headers = [("X-Request-Id", "chosen-by-proxy"), ("X-Forwarded-For", "203.0.113.9")]
    async with edge(mongo, trusted_proxies=("127.0.0.0/8",)) as running:
        answer = await ask(running.address, request("/api/auth/ok", *headers))
        upgrade = [*UPGRADE.items(), ("Origin", running.address), *headers]
        handshake = await ask(running.address, request("/live", *upgrade))
    assert answer is not None and answer.headers["x-request-id"] == "chosen-by-proxy"
    assert handshake is not None and handshake.status == 101
    assert handshake.headers["x-request-id"] == "chosen-by-proxy"
    async with edge(mongo, trusted_proxies=("203.0.113.0/24",)) as running:
        answer = await ask(running.address, request("/api/auth/ok", *headers))
    assert answer is not None and MADE.fullmatch(answer.headers["x-request-id"])


async def test_every_kind_of_answer_says_its_id(server: Running) -> None:
    evil = [*UPGRADE.items(), ("Origin", "https://elsewhere.test")]
    for sent in (
        request("/nowhere"),
        request("/api/auth/nowhere"),
        request("/api/auth/get-session"),
        request("/sign-in"),
        request("/metrics"),
        request("/live", *evil),
        request("/api/auth/ok", host=None),
    ):
        answer = await ask(server.address, sent)
        assert answer is not None and MADE.fullmatch(answer.headers["x-request-id"]), sent


async def test_lines_of_a_connection_carry_both_ids(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    def note(record: logging.LogRecord) -> bool:
        seen.append((record.getMessage(), REQUEST.get(), CONNECTION.get()))
        return True

    logger = logging.getLogger("sessionwire.live")
    logger.addFilter(note)
    try:
        with caplog.at_level(logging.DEBUG, logger="sessionwire.live"):
            live = await server.live()
            await live.receive()
            handshake = live.connection.response
            await live.connection.close()
            async with server.http() as http:
                while len(seen) < 2:
                    await http.get("/api/auth/ok")
    finally:
        logger.removeFilter(note)
    assert handshake is not None
    for line, request_id, connection_id in seen:
        assert request_id == handshake.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{8}", connection_id) and connection_id in line


async def test_paths_count_under_the_template_that_fits() -> None:
    app = trusting(templates=("/a", "/a/{b}", "/a/{b}/c"))
    for path in ("/a", "/a/1", "/a/2", "/a/2/c", "/a/2/3/c", "/b", "/a/"):
        await asked(app, path)
    counted = {route: number for (_, route, _), number in app.counts.items()}
    assert counted == {"/a": 1, "/a/{b}": 2, "/a/{b}/c": 1, "other": 3}
    assert {route: each.count for (_, route), each in app.durations.items()} == counted


async def test_what_fails_and_who_leaves_is_counted_so() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a defect")

    async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    failing, leaving = trusting(fails), trusting(leaves)
    with pytest.raises(RuntimeError):
        await asked(failing)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await leaving(scope, None, None)  # type: ignore[arg-type]
    assert list(failing.counts) == [("GET", "other", 500)]
    assert list(leaving.counts) == [("GET", "other", 499)]


async def test_mounted_the_application_answers_for_its_own_pages(
    settings: Settings, store: Store
) -> None:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(REQUEST.get() or "none")

    wire = SessionWire(settings)
    app = Starlette(routes=[Route("/mine", page), Mount("/", wire)], lifespan=wire.lifespan)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            assert (await http.get("/mine")).text == "none"
            assert MADE.fullmatch((await http.get("/api/auth/ok")).headers["x-request-id"])
            assert (await http.get("/nowhere")).status_code == 404


async def test_a_failure_is_logged_under_the_id_that_is_answered(
    server: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("sessionwire.auth.reading.SessionReader.claim", broken)
    async with server.http() as http:
        answer = await http.get("/api/auth/get-session")
    assert answer.status_code == 500
    assert answer.headers.get_list("x-request-id") == [answer.headers["x-request-id"]]
    assert f"request {answer.headers['x-request-id']}: RuntimeError" in caplog.text
