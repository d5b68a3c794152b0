"""What the log of a server says, and what it never says (security lines LG-01 and LG-02)."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from sessionwire.cli.logs import one_line
from support.process import eventually, serve
from support.raw import UPGRADE, ask, request

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from support.process import Served

EMAIL = "canary-mail@example.com"
PASSWORD = "canary-password-1234"
NAME = "canary-name"
AGENT = "canary-agent"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a\r\nINFO b", r"a\r\nINFO b"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x00b\x7fc\x9bd", r"a\x00b\x7fc\x9bd"),
        ("a\u2028b", r"a\u2028b"),
        ("a\tb", r"a\tb"),
        ("grün 100%", "grün 100%"),
    ],
)
def test_lg_01_nothing_that_is_logged_breaks_its_line(said: str, written: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (said,), None)
    assert one_line(record)
    assert record.getMessage() == written


@pytest.mark.parametrize(
    "said",
    [
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "connection rejected (403 Forbidden)",
        "connection open",
        '%s - "WebSocket %s" 403',
        "ASGI callable returned without completing handshake.",
    ],
)
def test_ws_18_what_any_peer_can_cause_without_end_is_no_line(said: str) -> None:
    record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, said, ("a", "b"), None)
    assert not one_line(record)


async def _live_through_everything(served: Served) -> list[str]:
    """Every kind of event once; the secrets that were given or made on the way."""
    own = {"origin": served.address, "user-agent": AGENT}
    http = await served.web.clients.enter_async_context(served.web.http(headers=own))
    body = {"name": NAME, "email": EMAIL, "password": PASSWORD}
    signed_up = await http.post("/api/auth/sign-up/email", json=body)
    assert signed_up.status_code == 200
    secrets = [each.value or "" for each in http.cookies.jar if "session_token" in each.name]
    await _go_wrong(http)
    live = await served.web.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    await http.post("/api/auth/request-password-reset", json={"email": EMAIL})
    await http.get("/api/auth/reset-password/canary-token?callbackURL=/canary-path")
    await http.get("/api/auth/verify-email?token=canary-token")
    await http.get("/api/auth/callback/google?code=canary-code&state=canary-state")
    evil = [*UPGRADE.items(), ("Origin", "https://canary-origin.test"), ("Cookie", "canary=1")]
    await ask(served.address, request("/live?token=canary-token", *evil))
    await ask(served.address, b"canary nonsense\r\n\r\n")
    assert (await http.post("/api/auth/sign-out", json={})).status_code == 200
    await live.until(lambda frame: frame["op"] == "bye")
    return [each for each in secrets if each]


async def _go_wrong(http: httpx.AsyncClient) -> None:
    body = {"email": EMAIL, "password": "canary-wrong-password"}
    statuses = [(await http.post("/api/auth/sign-in/email", json=body)).status_code for _ in "1234"]
    assert statuses == [401] * 3 + [429]
    for _ in range(100):
        await http.post("/api/auth/sign-in/email", json=body)
    elsewhere = {"origin": "https://canary-origin.test"}
    response = await http.post("/api/auth/update-user", json={"name": "x"}, headers=elsewhere)
    assert response.status_code == 403


async def test_lg_01_lg_02_a_run_is_told_without_a_secret(tmp_path: Path) -> None:
    options = ("--log-level", "debug")
    async with serve(tmp_path / "data", *options, rate_limit="true") as served:
        made = await _live_through_everything(served)
        await eventually(lambda: "ended: signed_out" in served.printed)
        lines = served.printed.splitlines()
    told = "\n".join(lines)
    for secret in (*made, *(each.partition(".")[0] for each in made)):
        assert len(secret) >= 32 and secret not in told
    assert not re.findall(r".*canary.*", told)
    events = [
        r"signed_in: user [0-9a-f]{24}, session [0-9a-f]{24}",
        r"session_ended: user [0-9a-f]{24}, session [0-9a-f]{24}, reason signed_out",
        r"/sign-in/email refused: INVALID_EMAIL_OR_PASSWORD, from 127\.0\.0\.1",
        r"/update-user refused: INVALID_ORIGIN, from 127\.0\.0\.1",
        r"Rate limit: credentials POST /sign-in/email from 127\.0\.0\.1",
        r"The connection [0-9a-f]{8} was opened",
        r"A handshake was refused: INVALID_ORIGIN, from 127\.0\.0\.1",
        r"The connection [0-9a-f]{8} ended: signed_out",
    ]
    for event in events:
        assert re.search(event, told), event
    assert len(re.findall("Rate limit:", told)) < 60
