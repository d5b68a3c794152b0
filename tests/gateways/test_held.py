"""Answers that hold from before are the answers that a request would have had."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from sessionwire.exchange.call import Holding
from sessionwire.gateways.auth.held import HeldAnswers
from sessionwire.gateways.operations.requests import Requests
from sessionwire.model import NEVER, ObjectId, Version, Viewer
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.change import DocumentKey, Group, Update
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.replica import Load
from support.raw import line_to, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Scope

    from sessionwire.store.mongo import Store
    from support.raw import Answer, Line
    from support.server import Running

PATH = "/api/auth/get-session"
DIFFERENT = ("date", "x-request-id", "sessionwire-version")


class Again:
    """Counts the answers that were given without a request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given = 0
        self.refused = False
        ask = Requests.answer_again

        def counted(requests: Requests, address: bytes, scope: Scope) -> Any:
            found = None if self.refused else ask(requests, address, scope)
            self.given += found is not None
            return found

        monkeypatch.setattr(Requests, "answer_again", counted)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> Again:
    return Again(monkeypatch)


@contextlib.asynccontextmanager
async def signed_in(server: Running) -> AsyncIterator[tuple[Line, str]]:
    """A connection, and the cookie of somebody who has signed up."""
    http = await server.sign_up()
    cookie = "; ".join(f"{each.name}={each.value}" for each in http.cookies.jar)
    async with line_to(server.address) as line:
        yield line, cookie


async def answered(line: Line, *fields: tuple[str, str], target: str = PATH) -> Answer:
    line.send(request(target, *fields))
    found = await line.answer()
    assert found is not None
    return found


def same(one: Answer, other: Answer) -> None:
    assert (one.status, one.body) == (other.status, other.body)
    assert sorted(one.headers) == sorted(other.headers)
    for name, value in one.headers.items():
        assert name in DIFFERENT or other.headers[name] == value


async def test_whatever_it_is_asked_with_the_answer_is_that_of_a_request(
    server: Running, again: Again
) -> None:
    async with signed_in(server) as (line, cookie):
        first = await answered(line, ("Cookie", cookie))
        value = cookie.partition("session_token=")[2].partition(";")[0]
        no_version = "; ".join(each for each in cookie.split("; ") if ".version=" not in each)
        asked: list[list[tuple[str, str]]] = [
            [("Cookie", cookie)],
            [("Cookie", no_version)],
            [("Cookie", no_version), ("Cookie", "other=1")],
            [("Cookie", f"other=1; {cookie}"), ("Accept", "*/*"), ("User-Agent", "x" * 300)],
            [("Authorization", f"Bearer {value}")],
            [("Cookie", cookie), ("Origin", server.address)],
            [("Cookie", cookie), ("If-None-Match", first.headers["etag"])],
            [("Cookie", cookie), ("If-None-Match", '"1.1"')],
            [("Cookie", cookie), ("Sessionwire-Version", first.headers["sessionwire-version"])],
            [("Cookie", cookie), ("X-Forwarded-For", "10.0.0.1"), ("Accept-Encoding", "gzip")],
        ]
        for fields in asked:
            usual = await answered(line, *fields)
            given = again.given
            for _ in range(3):
                same(await answered(line, *fields), usual)
            assert again.given == given + 3, fields
            again.refused = True
            same(await answered(line, *fields), usual)
            again.refused = False


async def test_what_is_asked_otherwise_is_a_request(server: Running, again: Again) -> None:
    async with signed_in(server) as (line, cookie):
        held = ("Cookie", cookie)
        usual = await answered(line, held)
        same(await answered(line, held), usual)
        given = again.given
        assert (await answered(line, ("Cookie", "sessionwire.session_token=x.y"))).body == b"null"
        assert (await answered(line)).body == b"null"
        assert (await answered(line, held, ("Host", "other"))).status == 400
        for target in (f"{PATH}?disableRefresh=true", f"{PATH}?", "/api/auth/get%2Dsession"):
            same(await answered(line, held, target=target), usual)
        same(await answered(line, held, ("Content-Length", "0")), usual)
        line.send(request(PATH, held, ("Content-Length", "3"), body=b"abc"))
        for method in ("POST", "HEAD", "OPTIONS"):
            line.send(request(PATH, held, ("Content-Length", "0"), method=method))
        found = [await line.answer() for _ in range(3)]
        assert [each and each.status for each in found] == [200, 403, 404]
        assert again.given == given


async def test_what_comes_at_once_is_answered_in_its_order(server: Running, again: Again) -> None:
    async with signed_in(server) as (line, cookie):
        held, other = request(PATH, ("Cookie", cookie)), request("/api/auth/list-sessions")
        line.send(held)
        assert await line.answer() is not None
        given = again.given
        line.send(held * 3 + other + held * 2 + other)
        found = [await line.answer() for _ in range(7)]
        assert [each and each.status for each in found] == [200, 200, 200, 401, 200, 200, 401]
        assert again.given > given
        line.send(held[:60])
        await asyncio.sleep(0.05)
        line.send(held[60:])
        assert await line.answer() is not None
        line.send(request(PATH, ("Cookie", cookie), ("Connection", "close")))
        last = await line.answer()
        assert last is not None and last.headers["connection"] == "close"
        assert await line.ended()


@pytest.mark.parametrize("followed", [False, True])
async def test_a_change_is_in_the_next_answer(
    server: Running, again: Again, store: Store, followed: bool
) -> None:
    """Whether a tab follows the same session, or nobody does."""
    async with signed_in(server) as (line, cookie):
        if followed:
            live = await server.live(cookie=cookie)
            await live.subscribe(1, "session")
        cookie = "; ".join(each for each in cookie.split("; ") if ".version=" not in each)
        user = await store.find_one("user", {"email": "alice@example.com"})
        assert user is not None
        for number in range(20):
            async with store.writing() as writing:
                changed = {"$set": {"name": f"Alice {number}"}}
                await writing.update_one("user", {"_id": user["_id"]}, changed)
                version = writing.version
            await server.wire.relay.until(version)
            for _ in range(2):
                answer = await answered(line, ("Cookie", cookie))
                assert json.loads(answer.body)["user"]["name"] == f"Alice {number}"
        assert again.given >= 20


async def test_who_is_signed_out_is_nobody_at_once(server: Running, again: Again) -> None:
    async with signed_in(server) as (line, cookie):
        for _ in range(3):
            assert (await answered(line, ("Cookie", cookie))).body != b"null"
        given = again.given
        line.send(
            request(
                "/api/auth/sign-out",
                ("Cookie", cookie),
                ("Origin", server.address),
                ("Content-Length", "0"),
                method="POST",
            )
        )
        assert await line.answer() is not None
        answer = await answered(line, ("Cookie", cookie))
        assert answer.body == b"null"
        assert again.given == given


async def test_they_are_counted_and_named_as_requests(server: Running, again: Again) -> None:
    async with signed_in(server) as (line, cookie):
        answers = [await answered(line, ("Cookie", cookie)) for _ in range(5)]
        assert again.given == 4
        assert len({each.headers["x-request-id"] for each in answers}) == 5
        requests = server.wire._router
        assert requests is not None
        assert requests.counts["GET", PATH, 200] == 5
        assert requests.durations["GET", PATH].count == 5


# The words and the moment


def hub_with_a_session() -> Hub:
    hub = Hub(make_queries(active_organization="user"), idle_documents=9, idle_watches=9)
    hub.restart(Version(1))
    hub.set_live(live=True)
    user: dict[str, Any] = {"_id": ObjectId(), "name": "Alice", "email": "alice@example.com"}
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    session = {
        "_id": ObjectId(),
        "token": "abc",
        "userId": user["_id"],
        "expiresAt": moment + timedelta(days=7),
        "createdAt": moment,
        "updatedAt": moment,
    }
    hub.wait(hub.read("session", VIEWER, {}), lambda: None)
    held = {("session", session["_id"]): session, ("user", user["_id"]): user}
    while keys := hub.take_needs(99):
        documents, sets = {}, {}
        for key in keys:
            if isinstance(key, DocumentKey):
                documents[key] = held.get((key.collection, key.id))
            else:
                sets[key] = frozenset({session["_id"]} if key.field == "token" else ())
                documents |= {DocumentKey(key.collection, id): session for id in sets[key]}
        hub.supply(Load(hub.position, hub.replica.epoch, documents, sets))
    return hub


VIEWER = Viewer("abc")
ADDRESS = PATH.encode()
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Kept:
    """Answers of a hub, one of them kept."""

    def __init__(self, *, capacity: int = 9) -> None:
        self.hub = hub_with_a_session()
        self.now = NOW
        self.held = HeldAnswers(self.hub, clock=lambda: self.now, capacity=capacity)

    def keep(self, *headers: tuple[bytes, bytes], since: Version = NEVER) -> None:
        watch = self.hub.known("session", VIEWER)
        assert watch is not None and watch.result is not None
        holding = Holding(VIEWER, watch.result.changed_at, NOW + timedelta(hours=12), since)
        self.held.keep(ADDRESS, headers, Response(b"{}"), holding)

    def finds(self, *headers: tuple[bytes, bytes]) -> bool:
        return self.held.find(ADDRESS, headers) is not None


COOKIE = (b"cookie", b"a=b")


def test_it_is_for_the_same_words_only() -> None:
    kept = Kept()
    kept.keep((b"host", b"a"), COOKIE, (b"accept", b"*/*"))
    assert kept.finds((b"host", b"a"), (b"user-agent", b"x"), COOKIE)
    for other in (
        [COOKIE],
        [(b"host", b"b"), COOKIE],
        [(b"host", b"a"), (b"cookie", b"a=c")],
        [(b"host", b"a"), COOKIE, COOKIE],
        [(b"host", b"a"), COOKIE, (b"origin", b"http://b")],
        [(b"host", b"a"), COOKIE, (b"authorization", b"Bearer x")],
        [(b"host", b"a"), COOKIE, (b"if-none-match", b'"1.1"')],
        [(b"host", b"a"), COOKIE, (b"sessionwire-version", b"0000000000000001")],
    ):
        assert not kept.finds(*other)
    assert kept.held.find(b"/api/auth/get-session?", [(b"host", b"a"), COOKIE]) is None


def test_it_holds_until_its_moment() -> None:
    kept = Kept()
    kept.keep(COOKIE)
    kept.now = NOW + timedelta(hours=12, microseconds=-1)
    assert kept.finds(COOKIE)
    kept.now = NOW + timedelta(hours=12)
    assert not kept.finds(COOKIE)


def test_it_holds_while_the_stream_is_followed_and_nothing_has_changed() -> None:
    kept = Kept()
    hub = kept.hub
    kept.keep(COOKIE)
    hub.set_live(live=False)
    assert not kept.finds(COOKIE)
    hub.set_live(live=True)
    hub.advance(Version(5))
    assert kept.finds(COOKIE) and kept.held.version == b"sessionwire-version: 0000000000000005\r\n"
    (user,) = {key for key in hub.replica._documents if key.collection == "user"}
    hub.apply([Group(Version(6), (Update(user, {"name": "Bob"}),), wall=NOW)])
    assert not kept.finds(COOKIE)
    hub.read("session", VIEWER, {})
    assert not kept.finds(COOKIE)
    kept.keep(COOKIE)
    assert kept.finds(COOKIE)
    hub.restart(Version(7))
    assert not kept.finds(COOKIE)


def test_a_version_that_cannot_be_yet_is_asked_for_each_time() -> None:
    """It may be possible by the next time, and would have to be waited for then (P5)."""
    for named in (
        (b"sessionwire-version", b"ffffffff00000001"),
        (b"cookie", b"x.version=ffffffff00000001"),
    ):
        kept = Kept()
        kept.keep(COOKIE, named)
        assert not kept.finds(COOKIE, named)
        kept.keep(COOKIE, named, since=Version(1))
        assert kept.finds(COOKIE, named)


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(capacity=3)
    asked = [(b"cookie", b"a=%d" % number) for number in range(5)]
    for each in asked:
        kept.keep(each)
    assert [kept.finds(each) for each in asked] == [False, False, True, True, True]
    large = (b"cookie", b"a=" + b"x" * 4096)
    kept.keep(large)
    assert not kept.finds(large)
