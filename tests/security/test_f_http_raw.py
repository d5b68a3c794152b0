"""What arrives as bytes: sizes, deadlines, smuggling (security lines HT-02, HT-06 and HT-08)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessionwire.policy.limits import Limits
from support.edge import edge
from support.raw import UPGRADE, ask, line_to, refusal, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge

JSON = ("Content-Type", "application/json")
OK = "/api/auth/ok"
SIGN_IN = "/api/auth/sign-in/email"


@pytest.fixture(scope="module")
async def server(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as running:
        yield running


@pytest.fixture(scope="module")
async def hurried(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    """A server that waits a second for anything."""
    async with edge(mongo, limits=Limits(head_deadline=1.0, body_deadline=1.0)) as running:
        yield running


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (request("/" + "a" * 9000), (414, "URI_TOO_LONG")),
        (request(f"{OK}?q=" + "a" * 9000), (414, "URI_TOO_LONG")),
        (request(OK, ("X-Long", "a" * 33_000)), (431, "HEADERS_TOO_LARGE")),
        (request(OK, *[("X-Many", "a")] * 101), (431, "HEADERS_TOO_LARGE")),
        (request(OK, *[(f"X-{n}", "a" * 1000) for n in range(40)]), (431, "HEADERS_TOO_LARGE")),
        (request(f"/api/auth/get-session?{'&'.join(['a=1'] * 65)}"), (400, "BAD_REQUEST")),
    ],
)
async def test_ht_06_what_is_too_large_is_refused_at_once(
    server: Edge, sent: bytes, expected: tuple[int, str]
) -> None:
    assert refusal(await ask(server.address, sent)) == expected


async def test_ht_06_what_is_large_but_allowed_is_answered(server: Edge) -> None:
    fields = [(f"X-{n}", "a" * 300) for n in range(90)]
    answer = await ask(server.address, request(f"{OK}?q={'a' * 7000}", *fields))
    assert answer is not None and answer.status == 200


async def test_ht_06_a_header_that_never_ends_is_not_collected(server: Edge) -> None:
    async with line_to(server.address) as line:
        line.send(f"GET {OK} HTTP/1.1\r\nHost: a\r\nX-Endless: ".encode())
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                line.send(b"a" * 65536)
                await line.writer.drain()


@pytest.mark.parametrize("start", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: b"])
async def test_ws_14_ht_06_a_head_that_does_not_come_in_time_is_given_up(
    hurried: Edge, start: bytes
) -> None:
    async with line_to(hurried.address) as line:
        line.send(start)
        assert refusal(await line.answer(within=5)) == (408, "REQUEST_TIMEOUT")
        assert await line.ended(within=5)


async def test_ws_14_an_upgrade_whose_head_never_ends_is_given_up(hurried: Edge) -> None:
    async with line_to(hurried.address) as line:
        line.send(request("/live", *UPGRADE.items())[:-2])
        assert refusal(await line.answer(within=5)) == (408, "REQUEST_TIMEOUT")


async def test_ht_06_a_second_request_that_does_not_come_in_time_is_given_up(
    hurried: Edge,
) -> None:
    async with line_to(hurried.address) as line:
        line.send(request(OK))
        first = await line.answer()
        assert first is not None and first.status == 200
        line.send(b"GET /")
        assert refusal(await line.answer(within=5)) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("field", [("Content-Length", "50"), ("Transfer-Encoding", "chunked")])
async def test_ht_06_a_body_that_does_not_come_in_time_is_408(
    hurried: Edge, field: tuple[str, str]
) -> None:
    async with line_to(hurried.address) as line:
        line.send(request(SIGN_IN, JSON, field, method="POST"))
        assert refusal(await line.answer(within=5)) == (408, "REQUEST_TIMEOUT")
        assert await line.ended(within=10)


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        ([JSON, ("Content-Length", "70000")], b"", (413, "PAYLOAD_TOO_LARGE")),
        ([JSON, ("Content-Length", "9" * 15)], b"", (413, "PAYLOAD_TOO_LARGE")),
        (
            [JSON, ("Transfer-Encoding", "chunked")],
            b"11170\r\n" + b"a" * 70_000 + b"\r\n0\r\n\r\n",
            (413, "PAYLOAD_TOO_LARGE"),
        ),
        (
            [JSON, ("Content-Encoding", "gzip"), ("Content-Length", "2")],
            b"{}",
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (
            [("Content-Type", "text/plain"), ("Content-Length", "2")],
            b"{}",
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        ([("Content-Length", "2")], b"{}", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            [("Content-Type", "multipart/form-data; boundary=x"), ("Content-Length", "2")],
            b"{}",
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
    ],
)
async def test_ht_02_ht_06_a_body_is_small_plain_json(
    server: Edge, fields: list[tuple[str, str]], body: bytes, expected: tuple[int, str]
) -> None:
    sent = request(SIGN_IN, *fields, method="POST", body=body)
    assert refusal(await ask(server.address, sent)) == expected


async def test_ht_06_a_refused_body_may_end_but_not_go_on_for_ever(server: Edge) -> None:
    async with line_to(server.address) as line:
        line.send(request(SIGN_IN, JSON, ("Content-Length", "70000"), method="POST"))
        assert refusal(await line.answer()) == (413, "PAYLOAD_TOO_LARGE")
        assert await line.ended(within=5)


def chunked(body: bytes, *fields: tuple[str, str]) -> bytes:
    given = (JSON, ("Transfer-Encoding", "chunked"), *fields)
    return request(SIGN_IN, *given, method="POST", body=body)


@pytest.mark.parametrize(
    "sent",
    [
        chunked(b"0\r\n\r\n", ("Content-Length", "5")),
        request(SIGN_IN, ("Content-Length", "5"), ("Transfer-Encoding", "chunked"), method="POST"),
        request(SIGN_IN, ("Content-Length", "5"), ("Content-Length", "6"), method="POST"),
        request(SIGN_IN, ("Content-Length", "5, 5"), method="POST"),
        request(SIGN_IN, ("Content-Length", "+5"), method="POST"),
        request(SIGN_IN, ("Content-Length", "-5"), method="POST"),
        request(SIGN_IN, ("Content-Length", "0x5"), method="POST"),
        request(SIGN_IN, ("Transfer-Encoding", "xchunked"), method="POST", body=b"0\r\n\r\n"),
        request(SIGN_IN, ("Transfer-Encoding", "identity"), method="POST"),
        request(SIGN_IN, ("Transfer-Encoding", "chunked, identity"), method="POST"),
        request(OK, ("X-Folded", "a\r\n b")),
        request(OK, ("X-Space ", "a")),
        request(OK, ("X-Nul", "a\x00b")),
        request(OK, ("X-Return", "a\rb")),
        request(OK, ("X-Escape", "a\x1b[31mb")),
        request(OK).replace(b"\r\n", b"\n"),
        request(OK, ("X-Bare", "a\nX-Other: b")),
        chunked(b"zz\r\nabc\r\n0\r\n\r\n"),
        chunked(b"-1\r\nabc\r\n0\r\n\r\n"),
        chunked(b"0x3\r\nabc\r\n0\r\n\r\n"),
        chunked(b"3\nabc\n0\n\n"),
        chunked(b"3\r\nabcd\r\n0\r\n\r\n"),
        chunked(b"fffffffffffffffff\r\nabc"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"G\x00ET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_ht_08_what_two_parsers_could_read_differently_is_400_and_the_end(
    server: Edge, sent: bytes
) -> None:
    async with line_to(server.address) as line:
        line.send(sent + request("/api/auth/smuggled"))
        answer = await line.answer()
        assert answer is not None and answer.status == 400
        assert await line.ended()


async def test_ht_08_a_trailer_is_no_header(server: Edge) -> None:
    """A proxy that takes a header away, or adds one, does not look behind the body."""
    body = b"2\r\n{}\r\n0\r\nOrigin: https://evil.test\r\nCookie: a=b\r\nHost: evil.test\r\n\r\n"
    answer = await ask(server.address, chunked(body))
    assert refusal(answer) == (400, "VALIDATION_ERROR")


async def test_ht_08_endless_chunk_extensions_and_trailers_are_given_up(server: Edge) -> None:
    for start in (b"2;", b"2\r\n{}\r\n0\r\nX-Trailer: "):
        async with line_to(server.address) as line:
            line.send(chunked(start))
            with pytest.raises(ConnectionError):
                for _ in range(1000):
                    line.send(b"a" * 65536)
                    await line.writer.drain()
