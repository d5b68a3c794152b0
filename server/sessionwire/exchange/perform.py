"""Performs one request: what is checked, in which order, and what every write answers.

It knows no endpoint: the gateways say what each of them takes, the handlers say what it does.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionwire.auth.reading import VERSION_HEADER
from sessionwire.errors import Forbidden, PeerError, Unavailable
from sessionwire.exchange.call import Call, Reply
from sessionwire.exchange.content import parse_body, parse_query, read_body
from sessionwire.exchange.provenance import fetch_of, refuse_origin
from sessionwire.policy.addresses import canonical_address
from sessionwire.policy.lifetime import Due
from sessionwire.policy.origins import is_safe_redirect
from sessionwire.tasks import deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from sessionwire.exchange.backing import Backing
    from sessionwire.exchange.call import Endpoint, LimitClass
    from sessionwire.model import Version

__all__ = ["VERSION_HEADER", "address_of", "admit", "perform", "shown"]

logger = logging.getLogger("sessionwire.auth")

_PROVIDER = "/sign-in/social"
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
    try:
        return await _performed(endpoint, request, backing, path=path)
    except PeerError as error:
        if endpoint.login or endpoint.path == _PROVIDER:
            backing.events.refused[error.code] += 1
        if endpoint.method == "POST" and error.status in (401, 403):
            address = address_of(request) or "-"
            logger.info("%s refused: %s, from %s", endpoint.path, error.code, address)
        raise


async def _performed(
    endpoint: Endpoint, request: Request, backing: Backing, *, path: Mapping[str, str]
) -> Reply:
    bucket = endpoint.bucket or f"{endpoint.method} {endpoint.path}"
    await admit(request, backing, limit=endpoint.limit, bucket=bucket)
    body: dict[str, Any] = {}
    if endpoint.method == "POST":
        fetch = fetch_of(request)
        limits = backing.settings.limits
        raw = await read_body(request, limit=limits.body, deadline=limits.body_deadline)
        given = parse_body(request, raw, form=endpoint.form)
        if not endpoint.foreign and (fetch.cookie or not endpoint.login):
            refuse_origin(fetch, backing.origins, login=endpoint.login)
        _refuse_redirects(given, backing)
        body = {} if endpoint.body is None else endpoint.body.parse(given)
        if endpoint.login and not fetch.cookie:
            refuse_origin(fetch, backing.origins, login=True)
    query = endpoint.query.parse(parse_query(request), where="query")
    call = _call(request, backing, body=body, query=query, path=path)
    seconds = endpoint.seconds or backing.settings.limits.read_deadline
    try:
        if endpoint.method == "GET" and not (endpoint.session or endpoint.writes):
            async with asyncio.timeout(seconds):
                return await endpoint.handler(call)
        async with deadline(seconds):
            reply, version = await _carry_out(endpoint, call)
    except TimeoutError:
        raise Unavailable("The database did not answer in time.") from None
    return await shown(reply, version, backing) if version else reply


async def admit(request: Request, backing: Backing, *, limit: LimitClass, bucket: str) -> None:
    """Count the request. Raises TooManyRequests, and Unavailable like `perform`."""
    if limit == "none":
        return
    address = address_of(request)
    try:
        async with asyncio.timeout(backing.settings.limits.read_deadline):
            await backing.throttle.admit(address, limit=limit, bucket=bucket)
    except TimeoutError:
        raise Unavailable("The database did not answer in time.") from None


async def _carry_out(endpoint: Endpoint, call: Call) -> tuple[Reply, Version]:
    """The handler's reply, and the version of its last write: 0 for none."""
    backing = call.backing
    if endpoint.session:
        who = await backing.sessions.find(call.viewer)
        if who is not None and call.pin is not None:
            who = await backing.organizations.pinned(who, call.pin)
        call = replace(call, who=who)
    async with backing.store.writing() as writing:
        call = replace(call, open_writing=writing)
        renewal = await _renew(call)
        reply = await endpoint.handler(call)
        await backing.events.tell(writing.notes, version=writing.version)
        return replace(reply, cookies=reply.cookies or renewal), writing.version


async def shown(reply: Reply, version: Version, backing: Backing) -> Reply:
    """The reply to a write, once this process shows it (P5).

    A process that cannot show it in time answers all the same: the write stands, and whoever
    presents the version is made to wait for it, here and elsewhere.
    """
    try:
        if reply.awaited:
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
    claim = backing.reading.claim(headers)
    return Call(
        backing=backing,
        viewer=claim.viewer,
        token=claim.token,
        by_cookie=claim.by_cookie,
        unmarked=not claim.by_cookie or backing.cookies.remembered(claim.cookie),
        since=claim.since,
        if_none_match=headers.get("if-none-match"),
        address=address_of(request),
        user_agent=headers.get("user-agent", ""),
        cookie=claim.cookie,
        body=body,
        query=query,
        path=path,
        pin=claim.pin,
    )


def address_of(request: Request) -> str:
    """The peer's address in its one spelling; empty for what is none, such as a Unix socket's."""
    return canonical_address(request.client.host) if request.client else ""


def _refuse_redirects(body: object, backing: Backing) -> None:
    """Refuse a target that is not ours, before anything else is said of the body."""
    if not isinstance(body, dict):
        return
    for name, (message, code) in _REDIRECTS.items():
        target = body.get(name)
        if isinstance(target, str) and target and not is_safe_redirect(target, backing.origins):
            raise Forbidden(message, code=code)
