"""f: `GET /api/auth/get-session` with a valid cookie, beside better-auth itself."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING

from bench.contenders import OURS
from bench.people import SITE
from bench.table import Goal, Row

if TYPE_CHECKING:
    from bench.contenders import Contender
    from bench.workloads.run import Run

__all__ = ["session_reads"]

_PLAIN, _CACHED = "better-auth", "better-auth, cookie cache"
_CONNECTIONS = 32
_PATH = "/api/auth/get-session"


def session_reads(run: Run) -> list[Row]:
    if not run.wants("f"):
        return []
    goals = (Goal("≥", 20, _PLAIN), Goal("≥", 15, _CACHED))
    row = Row("f", "session reads on 32 connections", "1/s", goals)
    anew = Row("f", "each in words of its own", "1/s", ())
    with run.contenders((OURS, _PLAIN, _CACHED), connected=0) as contenders:
        asked = {each.name: _order(each) for each in contenders}
        for each in contenders * run.rounds:
            run.note(f"f: {each.name}")
            seconds = run.sized(3, 1)
            found = each.load.do(
                "ask", connections=_CONNECTIONS, seconds=seconds, **asked[each.name]
            )
            row.add(each.name, found["rate"])
            if each.name == OURS:
                order = _order(each, 'If-None-Match: "{n}"\r\n')
                found = each.load.do("ask", connections=_CONNECTIONS, seconds=seconds, **order)
                anew.add(each.name, found["rate"])
    return [row, anew]


def _order(contender: Contender, more: str = "") -> dict[str, object]:
    """Where to ask for what, with the cookies of somebody who has just signed in."""
    host, _, port = contender.address.removeprefix("http://").rpartition(":")
    if contender.name == OURS:
        cookie, email = f"__Host-{contender.people[0].cookie}", contender.people[0].email
        named = SITE.partition("://")[2]
    else:
        named = f"{host}:{port}"
        cookie, email = _sign_up(contender, host, int(port))
    request = (
        f"GET {_PATH} HTTP/1.1\r\nHost: {named}\r\nAccept: application/json\r\n"
        f"User-Agent: bench\r\nCookie: {cookie}\r\n{more}\r\n"
    )
    return {"host": host, "port": int(port), "request": request, "expected": f'"email":"{email}"'}


def _sign_up(contender: Contender, host: str, port: int) -> tuple[str, str]:
    email = "somebody@example.com"
    body = json.dumps({"name": "Somebody", "email": email, "password": "correct horse 7 battery"})
    headers = {"Content-Type": "application/json", "Origin": contender.address}
    with contextlib.closing(http.client.HTTPConnection(host, port)) as connection:
        connection.request("POST", "/api/auth/sign-up/email", body, headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        lines = response.headers.get_all("Set-Cookie") or []
    return "; ".join(line.partition(";")[0] for line in lines), email
