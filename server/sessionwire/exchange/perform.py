"""Performs one request: what is checked, in which order, and what every write answers.

It knows no endpoint: the gateways say what each of them takes, the handlers say what it does.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionwire.auth.sessions import presented, viewer_of
from sessionwire.errors import Forbidden, Unavailable
from sessionwire.exchange.call import Call, Reply
from sessionwire.exchange.content import parse_body, parse_query, read_body
from sessionwire.policy.cookies import plausible
from sessionwire.policy.lifetime import Due
from sessionwire.policy.origins import Fetch, Verdict, is_safe_redirect, judge_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from sessionwire.exchange.backing import Backing
    from sessionwire.exchange.call import Endpoint
    from sessionwire.model import Version

__all__ = ["VERSION_HEADER", "perform", "shown"]

logger = logging.getLogger("sessionwire.auth")

VERSION_HEADER = "sessionwire-version"

_REFUSALS = {
    Verdict.INVALID_ORIGIN: "Invalid origin",
    Verdict.MISSING_OR_NULL_ORIGIN: "Missing or null Origin",
    Verdict.CROSS_SITE_NAVIGATION: (
        "Cross-site navigation login blocked. This request appears to be a CSRF attack."
    ),
}

_REDIRECTS = {
    "callbackURL": ("Invalid callbackURL", "INVALID_CALLBACK_URL"),
    "redirectTo": ("Invalid redirectURL", "INVALID_REDIRECT_URL"),
    "errorCallbackURL": ("Invalid errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    "newUserCallbackURL": ("Invalid newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
}


async def perform(
    endpoint: Endpoint, request: Request, backing: Backing, *, path: Mapping[str, str]
) -> Reply:
    """The endpoint's answer to the request, whose path holds these values.

    The order of the checks is the contract's. Raises the first refusal, and Unavailable when the
    database does not answer within `limits.read_deadline`.
    """
    fetch = _fetch(request)
    body: dict[str, Any] = {}
    if endpoint.method == "POST":
        raw = await read_body(request, limit=backing.settings.limits.body)
        given = parse_body(request, raw, form=endpoint.form)
        if fetch.cookie or not endpoint.login:
            _refuse_origin(fetch, backing, login=endpoint.login)
        _refuse_redirects(given, backing)
        body = {} if endpoint.body is None else endpoint.body.parse(given)
        if endpoint.login and not fetch.cookie:
            _refuse_origin(fetch, backing, login=True)
    query = endpoint.query.parse(parse_query(request), where="query")
    call = _call(request, backing, body=body, query=query, path=path)
    if endpoint.method == "GET" and not (endpoint.session or endpoint.writes):
        return await endpoint.handler(call)
    try:
        async with asyncio.timeout(endpoint.seconds or backing.settings.limits.read_deadline):
            reply, version = await _carry_out(endpoint, call)
    except TimeoutError:
        raise Unavailable("The database did not answer in time.") from None
    return await shown(reply, version, backing) if version else reply


async def _carry_out(endpoint: Endpoint, call: Call) -> tuple[Reply, Version]:
    """The handler's reply, and the version of its last write: 0 for none."""
    backing = call.backing
    if endpoint.session:
        call = replace(call, who=await backing.sessions.find(call.viewer))
    async with backing.store.writing() as writing:
        call = replace(call, open_writing=writing)
        renewal = await _renew(call)
        reply = await endpoint.handler(call)
        await backing.events.tell(writing.notes)
        return replace(reply, cookies=reply.cookies or renewal), writing.version


async def shown(reply: Reply, version: Version, backing: Backing) -> Reply:
    """The reply to a write, once this process shows it (P5).

    A process that cannot show it in time answers all the same: the write stands, and whoever
    presents the version is made to wait for it, here and elsewhere.
    """
    try:
        await backing.relay.until(version)
    except Unavailable:
        logger.warning("A write is not shown yet: the change stream is behind.")
    cookies = [*reply.cookies, backing.cookies.written(version)]
    return replace(reply, cookies=cookies, version=version)


async def _renew(call: Call) -> list[str]:
    """Extend the session if it is due; the cookie lines that go with it."""
    if call.who is None or not call.unmarked:
        return []
    verdict = call.backing.sessions.judge(call.who.session)
    if not isinstance(verdict, Due):
        return []
    id, seen = call.who.session["_id"], call.who.session["expiresAt"]
    await call.backing.sessions.extend(call.writing, id, seen=seen, expires_at=verdict.expires_at)
    return call.session_cookies()


def _call(
    request: Request,
    backing: Backing,
    *,
    body: Mapping[str, Any],
    query: Mapping[str, Any],
    path: Mapping[str, str],
) -> Call:
    headers = request.headers
    cookie = _joined(request, "cookie")
    now = backing.clock().timestamp()
    given = presented(
        backing.cookies,
        cookie=cookie,
        authorization=headers.get("authorization"),
        origin=headers.get("origin"),
    )
    seen = backing.cookies.seen(cookie, now=now)
    return Call(
        backing=backing,
        viewer=viewer_of(given.token, compat=backing.settings.compat),
        token=given.token,
        by_cookie=given.by_cookie,
        unmarked=not given.by_cookie or backing.cookies.remembered(cookie),
        since=max(seen, plausible(headers.get(VERSION_HEADER, ""), now=now)),
        if_none_match=headers.get("if-none-match"),
        address=request.client.host if request.client else "",
        user_agent=headers.get("user-agent", ""),
        cookie=cookie,
        body=body,
        query=query,
        path=path,
    )


def _fetch(request: Request) -> Fetch:
    headers = request.headers
    return Fetch(
        origin=_joined(request, "origin"),
        referer=headers.get("referer"),
        site=headers.get("sec-fetch-site"),
        mode=headers.get("sec-fetch-mode"),
        dest=headers.get("sec-fetch-dest"),
        cookie="cookie" in headers,
    )


def _joined(request: Request, name: str) -> str | None:
    """All headers of this name in one: HTTP/2 may split cookies; two Origins are no origin."""
    found = request.headers.getlist(name)
    return "; ".join(found) if found else None


def _refuse_origin(fetch: Fetch, backing: Backing, *, login: bool) -> None:
    verdict = judge_request(fetch, backing.origins, login=login)
    if verdict is not Verdict.ALLOWED:
        raise Forbidden(_REFUSALS[verdict], code=verdict.value)


def _refuse_redirects(body: object, backing: Backing) -> None:
    """Refuse a target that is not ours, before anything else is said of the body."""
    if not isinstance(body, dict):
        return
    for name, (message, code) in _REDIRECTS.items():
        target = body.get(name)
        if isinstance(target, str) and target and not is_safe_redirect(target, backing.origins):
            raise Forbidden(message, code=code)
