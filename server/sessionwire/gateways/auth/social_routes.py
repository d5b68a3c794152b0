"""Signing in with an identity provider; the accounts that a user has with them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from sessionwire.auth.oidc.arrivals import Returned, callback_address
from sessionwire.auth.oidc.faults import NotAdmitted
from sessionwire.errors import Unauthorized
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Mismatch, Schema, boolean, string
from sessionwire.gateways.auth.wire import account_json, user_json

__all__ = ["ENDPOINTS"]

_CALLBACK_SECONDS = 15.0
_SCOPES = 32
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")  # RFC 6749, section 3.3
_HINT_LIMIT = 254


async def sign_in(call: Call) -> Reply:
    brought = call.body.get("idToken")
    if brought is not None:
        return await _sign_in_with_token(call, brought)
    return await _begin(call)


async def _begin(call: Call, *, link: object = None) -> Reply:
    backing, body = call.backing, call.body
    begun = await backing.openid.begin(
        call.writing,
        body["provider"],
        target=body.get("callbackURL") or backing.settings.base_url,
        error_target=body.get("errorCallbackURL") or None,
        new_user_target=body.get("newUserCallbackURL") or None,
        scopes=tuple(body.get("scopes", ())),
        login_hint=body.get("loginHint") or None,
        sign_up=body.get("requestSignUp", True),
        link=link,
    )
    redirect = not body.get("disableRedirect", False)
    return Reply(
        {"url": begun.url, "redirect": redirect},
        cookies=backing.cookies.state(begun.state),
        headers={"location": begun.url} if redirect else {},
    )


async def _sign_in_with_token(call: Call, brought: dict[str, Any]) -> Reply:
    try:
        entered = await call.backing.openid.sign_in(
            call.writing,
            call.body["provider"],
            brought["token"],
            nonce=brought.get("nonce"),
            sign_up=call.body.get("requestSignUp", True),
            device=call.device(remember=True),
        )
    except NotAdmitted as refusal:
        raise Unauthorized(refusal.message, code="OAUTH_LINK_ERROR") from None
    return Reply(
        {
            "redirect": False,
            "token": entered.opened.handle,
            "user": user_json(entered.user, extras=call.backing.extras),
        },
        cookies=call.backing.cookies.session(entered.opened.token, remember=True),
    )


async def callback(call: Call) -> Reply:
    """Every way it can end is a redirect: it is a browser that comes here, and a person."""
    cookies, query = call.backing.cookies, call.query
    landing = await call.backing.openid.arrivals.land(
        call.writing,
        call.path["provider"],
        Returned(
            state=query.get("state", ""),
            code=query.get("code", ""),
            issuer=query.get("iss"),
            error=query.get("error", ""),
            description=query.get("error_description", ""),
        ),
        bound=cookies.state_in(call.cookie),
        who=call.who,
        device=call.device(remember=True),
    )
    lines = cookies.state_deletion() if landing.consumed else []
    if landing.entered is not None:
        lines += cookies.session(landing.entered.opened.token, remember=True)
    if landing.refusal is not None:
        call.backing.events.refused[landing.refusal] += 1
    return Reply.redirect(landing.target, cookies=lines)


async def posted_callback(call: Call) -> Reply:
    """Send the browser here again with a GET: with a POST from elsewhere it sends no cookie."""
    given = {name: call.body[name] for name in _RETURNED if name in call.body}
    back = callback_address(f"{call.backing.settings.base_url}/api/auth", call.path["provider"])
    return Reply.redirect(f"{back}?{urlencode(given)}")


async def list_accounts(call: Call) -> Reply:
    found = await call.backing.openid.identities.of_user(call.me.user)
    return Reply([account_json(each) for each in found])


async def link_social(call: Call) -> Reply:
    user = call.me_freshly.user
    brought = call.body.get("idToken")
    if brought is None:
        return await _begin(call, link=user["_id"])
    await call.backing.openid.link(
        call.writing, user, call.body["provider"], brought["token"], nonce=brought.get("nonce")
    )
    return Reply({"url": "", "status": True, "redirect": False})


async def unlink_account(call: Call) -> Reply:
    openid = call.backing.openid
    await openid.identities.unlink(
        call.writing,
        call.me_freshly.user,
        call.body["accountId"],
        providers=openid.providers.keys(),
    )
    return Reply({"status": True})


# What the endpoints take


def provider(value: object) -> str:
    if not isinstance(value, str):
        raise Mismatch("Invalid input")
    return value


def scopes(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > _SCOPES:
        raise Mismatch("Invalid input: expected array of scopes")
    if not all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in value):
        raise Mismatch("Invalid input: expected array of scopes")
    return value


def hint(value: object) -> str:
    if len(string(value)) > _HINT_LIMIT:
        raise Mismatch("Invalid input: expected string of at most 254 characters")
    return string(value)


def id_token(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch("Invalid input: expected object")
    if not isinstance(value.get("token"), str) or not isinstance(value.get("nonce", ""), str):
        raise Mismatch("Invalid input: expected a token, and a nonce or none")
    return value


def once(value: object) -> str:
    """A parameter of the way back; one given twice says nothing (RFC 6749, section 3.1)."""
    return value if isinstance(value, str) else ""


_RETURNED = ("state", "code", "iss", "error", "error_description")
_WAY_BACK = Schema(tuple(Field(name, once, required=False) for name in _RETURNED))
_WAY_THERE = (
    Field("provider", provider),
    Field("callbackURL", required=False),
    Field("errorCallbackURL", required=False),
    Field("newUserCallbackURL", required=False),
    Field("disableRedirect", boolean, required=False),
    Field("scopes", scopes, required=False),
    Field("loginHint", hint, required=False),
    Field("requestSignUp", boolean, required=False),
    Field("idToken", id_token, required=False),
)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/sign-in/social",
        sign_in,
        limit="credentials",
        body=Schema(_WAY_THERE),
        seconds=_CALLBACK_SECONDS,
    ),
    Endpoint(
        "GET",
        "/callback/{provider}",
        callback,
        query=_WAY_BACK,
        session=True,
        writes=True,
        seconds=_CALLBACK_SECONDS,
    ),
    Endpoint(
        "POST",
        "/callback/{provider}",
        posted_callback,
        body=_WAY_BACK,
        form=True,
        foreign=True,
    ),
    Endpoint("GET", "/list-accounts", list_accounts, session=True),
    Endpoint(
        "POST",
        "/link-social",
        link_social,
        session=True,
        body=Schema(_WAY_THERE),
        seconds=_CALLBACK_SECONDS,
    ),
    Endpoint(
        "POST",
        "/unlink-account",
        unlink_account,
        session=True,
        body=Schema((Field("accountId"),)),
    ),
)
