"""The session that a request speaks for, and the user's other ones."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sessionwire.errors import PeerError, Unavailable
from sessionwire.exchange.call import Call, Endpoint, Holding, Reply
from sessionwire.exchange.perform import shown
from sessionwire.exchange.schema import Field, Schema
from sessionwire.gateways.auth.wire import session_json, session_view_json
from sessionwire.model import format_version, parse_id
from sessionwire.policy.lifetime import Due, Expired, Fresh
from sessionwire.reactive.shapes import SessionView

if TYPE_CHECKING:
    from sessionwire.auth.reading import Reading

__all__ = ["ENDPOINTS"]


async def get_session(call: Call) -> Reply:
    """Answered by the relay; no database read while the session is held (docs/protocol.md)."""
    reading = await call.backing.reading.read(call.viewer, since=call.since, pin=call.pin)
    view = reading.value
    if not isinstance(view, SessionView):
        return _signed_out(call, reading)
    verdict = call.backing.reading.judge(view)
    if isinstance(verdict, Expired):
        return replace(_signed_out(call, reading), headers={})
    if isinstance(verdict, Fresh) and call.pin is None:
        holding = Holding(call.viewer, reading.changed_at, verdict.until, call.since)
        return replace(_answer(call, reading, view), holding=holding)
    if isinstance(verdict, Due) and call.unmarked and call.query.get("disableRefresh") != "true":
        return await _extended(call, reading, view, verdict)
    return _answer(call, reading, view)


async def _extended(call: Call, reading: Reading, view: SessionView, due: Due) -> Reply:
    """The answer after the session was extended; while nothing can be written, without that."""
    backing = call.backing
    seen = datetime.fromisoformat(view.session.expires_at or "")
    seconds = backing.settings.limits.read_deadline / 2  # the answer still has to come in time
    try:
        async with asyncio.timeout(seconds), backing.store.writing() as writing:
            await backing.sessions.extend(
                writing, parse_id(view.session.id), seen=seen, expires_at=due.expires_at
            )
            version = writing.version
    except (Unavailable, TimeoutError):
        return _answer(call, reading, view)
    reading = await backing.reading.read(call.viewer, since=version, pin=call.pin)
    if not isinstance(reading.value, SessionView):
        return _signed_out(call, reading)
    again = call.token is not None and call.by_cookie
    cookies = backing.cookies.session(call.token or "", remember=True) if again else []
    reply = replace(_answer(call, reading, reading.value), cookies=cookies)
    return await shown(reply, version, backing)


def _answer(call: Call, reading: Reading, view: SessionView) -> Reply:
    headers = {"etag": _etag(call, reading)}
    if call.if_none_match == headers["etag"]:
        return Reply(status=304, headers=headers, version=reading.version)
    compat = call.backing.settings.compat == "better-auth"
    handle = call.token if compat and call.token else view.session.id
    body = session_view_json(view, handle=handle)
    return Reply(body, headers=headers, version=reading.version)


def _signed_out(call: Call, reading: Reading) -> Reply:
    dead = call.token is not None and call.by_cookie
    cookies = call.backing.cookies.deletion() if dead else []
    return Reply(
        None, cookies=cookies, headers={"etag": _etag(call, reading)}, version=reading.version
    )


def _etag(call: Call, reading: Reading) -> str:
    """The version, and in a pinned tab which organization it is of."""
    of = "" if call.pin is None else f".{zlib.crc32(call.pin.encode()):08x}"
    return f'"{format_version(reading.changed_at)}{of}"'


async def post_session(call: Call) -> Reply:
    raise MethodNotAllowed(
        "POST method requires deferSessionRefresh to be enabled in session config"
    )


class MethodNotAllowed(PeerError):
    code = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"
    status = 405


async def list_sessions(call: Call) -> Reply:
    me, sessions = call.me_freshly, call.backing.sessions
    found, extras = await sessions.of_user(me.user), call.backing.extras
    return Reply(
        [session_json(each, handle=sessions.handle(each), extras=extras) for each in found]
    )


async def revoke_session(call: Call) -> Reply:
    me = call.me
    ended = await call.backing.sessions.revoke(call.writing, me.user, call.body["token"])
    own = ended is not None and ended["_id"] == me.session["_id"]
    return Reply({"status": True}, cookies=call.backing.cookies.deletion() if own else ())


async def revoke_sessions(call: Call) -> Reply:
    await call.backing.sessions.end_all(call.writing, call.me.user, reason="revoked")
    return Reply({"status": True}, cookies=call.backing.cookies.deletion())


async def revoke_other_sessions(call: Call) -> Reply:
    me = call.me
    await call.backing.sessions.end_all(
        call.writing, me.user, keep=me.session["_id"], reason="revoked"
    )
    return Reply({"status": True})


_FLAGS = Schema(
    (Field("disableCookieCache", required=False), Field("disableRefresh", required=False))
)

ENDPOINTS = (
    Endpoint("GET", "/get-session", get_session, query=_FLAGS, limit="none"),
    Endpoint("POST", "/get-session", post_session),
    Endpoint("GET", "/list-sessions", list_sessions, session=True),
    Endpoint(
        "POST", "/revoke-session", revoke_session, session=True, body=Schema((Field("token"),))
    ),
    Endpoint("POST", "/revoke-sessions", revoke_sessions, session=True),
    Endpoint("POST", "/revoke-other-sessions", revoke_other_sessions, session=True),
)
