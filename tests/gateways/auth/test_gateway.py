from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from auth.rig import ORIGIN, settings_with, unique_address
from gateways.auth.browser import Server
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("POST", "/nope"),
        ("POST", "/ok"),
        ("GET", "/ok/"),
        ("GET", "//ok"),
        ("GET", "/OK"),
        ("GET", "/ok%2f"),
        ("HEAD", "/ok"),
        ("HEAD", "/get-session"),
        ("OPTIONS", "/sign-in/email"),
        ("DELETE", "/get-session"),
        ("GET", "/sign-in/email"),
        ("GET", "/"),
    ],
)
async def test_what_is_not_of_the_contract_is_404_with_nothing_in_it(
    server: Server, method: str, path: str
) -> None:
    response = await server.browser().send(method, path)
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers


async def test_every_answer_carries_the_security_headers(server: Server) -> None:
    browser = server.browser()
    await browser.sign_up(unique_address())
    answers = [
        await browser.get("/ok"),
        await browser.get("/get-session"),
        await browser.get("/nope"),
        await browser.get("/list-sessions", cookie="x=y"),
        await browser.post("/sign-in/email", {}),
        await browser.post("/sign-out", origin="https://evil.test"),
        await browser.send("POST", "/sign-out", content=b"x", headers={"content-type": "a/b"}),
        await browser.send("POST", "/sign-in/email", content=b"x" * 100_000),
        await browser.get("/get-session", **{"if-none-match": (await etag(browser))}),
    ]
    assert [each.status_code for each in answers] == [200, 200, 404, 401, 400, 403, 415, 413, 304]
    for each in answers:
        for name, value in api_headers(secure=False).items():
            assert each.headers[name] == value
        assert "server" not in each.headers


async def etag(browser: Any) -> str:
    tag: str = (await browser.get("/get-session")).headers["etag"]
    return tag


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"x" * (64 * 1024 + 1), {"content-type": "application/json"}),
        (b"", {"content-length": "99999999", "content-type": "application/json"}),
        (b"", {"content-length": "-1", "content-type": "application/json"}),
    ],
)
async def test_a_body_beyond_the_limit_is_413(
    server: Server, content: bytes, headers: dict[str, str]
) -> None:
    response = await server.browser().send(
        "POST", "/sign-in/email", content=content, headers=headers
    )
    assert response.status_code == 413
    assert response.json()["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_body_without_a_length_is_counted_as_it_comes(server: Server) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b"x" * 1024

    response = await server.browser().send(
        "POST", "/sign-in/email", content=endless(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 400),
        ({"content-type": "APPLICATION/JSON;charset=utf-8"}, 400),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/jsonx"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"content-type": ""}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
    ],
)
async def test_a_body_is_json_and_says_so(
    server: Server, headers: dict[str, str], status: int
) -> None:
    response = await server.browser().send(
        "POST", "/change-password", content=b"{}", headers=headers
    )
    assert response.status_code == status


@pytest.mark.parametrize(
    "content",
    [
        b"{bad", b"", b"\xff", b'{"a":"\\ud800"}', b"[" * 20_000, b'{"a":' * 5_000, b"NaN",
        b"\xef\xbb\xbf{}", b'{"email":1e999,"password":1}', b"null", b"[]", b'"x"', b"0",
    ],
)  # fmt: skip
async def test_what_is_no_object_is_400(server: Server, content: bytes) -> None:
    response = await server.browser().send(
        "POST", "/sign-in/email", content=content, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["code"] in ("BAD_REQUEST", "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "content", [b"a=%ff", b"\xff", b"&".join([b"a=1"] * 100), b"email=%ed%a0%80"]
)
async def test_what_is_no_form_is_400(server: Server, content: bytes) -> None:
    response = await server.browser().send(
        "POST",
        "/sign-in/email",
        content=content,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * 100)])
async def test_what_is_no_query_is_400(server: Server, query: str) -> None:
    assert (await server.browser().get(f"/get-session?{query}")).status_code == 400


async def test_an_unreachable_database_is_503_and_never_signed_out(server: Server) -> None:
    browser = server.browser()
    await browser.sign_up(unique_address())
    server.reader.reachable = False
    for _ in range(2):
        response = await browser.get("/get-session")
        assert response.status_code == 503
        assert response.json()["code"] == "SERVICE_UNAVAILABLE"
        assert int(response.headers["retry-after"]) > 0
        assert response.headers.get_list("set-cookie") == []
    server.reader.reachable = True
    assert await browser.session() is not None


async def test_an_unexpected_failure_is_500_that_says_nothing_and_one_line_that_does(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*args: object, **more: object) -> None:
        raise RuntimeError("the secret is hunter2\nand a second line")

    server.reader.read = fail  # type: ignore[assignment, method-assign]
    with caplog.at_level(logging.INFO, logger="sessionwire.auth"):
        response = await server.browser().get("/get-session")
    assert response.status_code == 500
    assert response.json() == {"message": "Internal server error", "code": "INTERNAL_SERVER_ERROR"}
    (record,) = caplog.records
    line = record.getMessage()
    assert response.headers["x-request-id"] in line and "RuntimeError at" in line
    assert "hunter2" not in line and "\n" not in line and record.exc_info is None


async def test_refusals_are_logged_without_what_was_sent(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    address = unique_address("canary")
    with caplog.at_level(logging.INFO, logger="sessionwire.auth"):
        await server.browser().post(
            "/sign-in/email", {"email": address, "password": "canary-password"}
        )
        await server.browser().post(
            "/sign-in/email", {}, origin="https://canary.test", cookie="a=b"
        )
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "INVALID_EMAIL_OR_PASSWORD" in lines[0] and "INVALID_ORIGIN" in lines[1]
    assert "canary" not in json.dumps(lines)


async def test_no_header_decides_where_the_server_is(server: Server) -> None:
    response = await server.bare().post(
        "/sign-in/email",
        {"email": "a@example.com", "password": "x", "callbackURL": "https://evil.test/"},
        host="evil.test",
        **{"x-forwarded-host": "evil.test", "x-forwarded-proto": "https"},
    )
    assert response.json()["code"] == "INVALID_CALLBACK_URL"


async def test_a_forwarded_address_is_not_believed(server: Server) -> None:
    browser = server.browser(**{"x-forwarded-for": "203.0.113.9"})
    await browser.sign_up(unique_address())
    shown = await browser.session()
    assert shown is not None and shown["session"]["ipAddress"] == "127.0.0.1"


async def test_se_02_over_https_every_cookie_is_secure_and_of_this_host(store: Store) -> None:
    server = Server(store, settings_with(base_url="https://app.test"))
    browser = server.browser(origin="https://app.test")
    answers = [
        await browser.post(
            "/sign-up/email",
            {"name": "A", "email": unique_address(), "password": "password1234"},
        ),
        await browser.post("/update-user", {"name": "B"}),
        await browser.post("/sign-out"),
    ]
    lines = [line for each in answers for line in each.headers.get_list("set-cookie")]
    assert len(lines) == 7
    for line in lines:
        assert line.startswith("__Host-sessionwire.")
        attributes = set(line.split("; ")[1:])
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not any(each.startswith(("Domain", "Expires")) for each in attributes)
        assert len(line) < 4096
    assert "strict-transport-security" in answers[0].headers


def test_an_origin_that_is_none_is_refused_at_the_start(store: Store) -> None:
    with pytest.raises(ValueError, match="is not"):
        Server(store, settings_with(trusted_origins=("*",)))


async def test_a_page_of_a_trusted_origin_signs_in(server: Server) -> None:
    address = unique_address()
    browser = server.browser(
        origin="http://app.test:3000", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    )
    await browser.sign_up(address)
    assert ORIGIN != "http://app.test:3000" and await browser.session() is not None


async def test_a_program_that_signed_out_may_sign_in_again_without_an_origin(
    server: Server,
) -> None:
    address = unique_address()
    program = server.bare()
    await program.sign_up(address)
    signed_out = await program.post("/sign-out", origin=ORIGIN)
    assert signed_out.status_code == 200
    assert [name for name in program.jar if not name.endswith(".version")] == []
    back = await program.post("/sign-in/email", {"email": address, "password": "password1234"})
    assert back.status_code == 200, back.text
