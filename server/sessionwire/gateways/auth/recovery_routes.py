"""Forgotten passwords, addresses confirmed or changed, and where the links of mails lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.errors import BadRequest, Forbidden, Unauthorized
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Schema, address
from sessionwire.gateways.auth.wire import user_json
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.letters import with_query
from sessionwire.policy.origins import is_safe_redirect
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDPOINTS"]

_RESET_PAGE = "/reset-password"
_INVALID = "INVALID_TOKEN"


async def request_password_reset(call: Call) -> Reply:
    email, target = call.body["email"], call.body.get("redirectTo") or None
    await call.backing.recovery.request(call.writing, email=email, target=target)
    said = "If this email exists in our system, check your email for the reset link"
    return Reply({"status": True, "message": said})


async def open_reset(call: Call) -> Reply:
    """Where a mail's link leads: to the page that asks for the new password. It changes nothing."""
    target = _target(call.query) or _RESET_PAGE
    _refuse_unsafe(call, target)
    if target.startswith("/"):
        target = f"{call.backing.settings.base_url}{target}"
    token = call.path["token"]
    is_good = await call.backing.recovery.check(token)
    return Reply.redirect(
        with_query(target, token=token) if is_good else with_query(target, error=_INVALID)
    )


async def reset_password(call: Call) -> Reply:
    token = call.body.get("token") or call.query.get("token")
    if not token:
        raise BadRequest("Invalid token", code=_INVALID)
    password = call.body["newPassword"]
    await call.backing.recovery.reset(
        call.writing, token=token, password=password, address=call.address
    )
    return Reply({"status": True})


async def send_verification_email(call: Call) -> Reply:
    addresses, who = call.backing.addresses, call.who
    email, target = call.body["email"], call.body.get("callbackURL") or None
    if who is None:
        await addresses.request_verification(call.writing, email=email, target=target)
        return Reply({"status": True})
    if canonical_email(email) != text(who.user, "email"):
        raise BadRequest("Email mismatch", code="EMAIL_MISMATCH")
    if who.user.get("emailVerified") is True:
        raise BadRequest("Email is already verified", code="EMAIL_ALREADY_VERIFIED")
    await addresses.send_verification(call.writing, who.user, target=target)
    return Reply({"status": True})


async def verify_email(call: Call) -> Reply:
    """Where a mail's link leads; it signs nobody in."""
    target = _target(call.query)
    _refuse_unsafe(call, target)
    user = await call.backing.addresses.verify(call.writing, call.query["token"])
    if target is not None:
        return Reply.redirect(target if user else with_query(target, error=_INVALID))
    if user is None:
        raise Unauthorized("Invalid token", code=_INVALID)
    return Reply({"status": True, "user": user_json(user, extras=call.backing.extras)})


async def change_email(call: Call) -> Reply:
    me = call.me
    if not call.backing.settings.change_email:
        raise BadRequest("Change email is disabled", code="CHANGE_EMAIL_DISABLED")
    changed = await call.backing.addresses.change(
        call.writing,
        me,
        email=call.body["newEmail"],
        target=call.body.get("callbackURL") or None,
    )
    return Reply({"status": True}, cookies=call.session_cookies() if changed else ())


async def delete_by_link(call: Call) -> Reply:
    """Where a mail's link leads, in the browser of who asked for it."""
    backing, me = call.backing, call.me
    if not backing.settings.delete_user:
        return Reply(status=404)
    target = _target(call.query) or "/"
    _refuse_unsafe(call, target)
    await backing.removal.follow(call.writing, me, call.query["token"])
    return Reply.redirect(target, cookies=backing.cookies.deletion())


def _target(query: Mapping[str, str]) -> str | None:
    return query.get("callbackURL") or None


def _refuse_unsafe(call: Call, target: str | None) -> None:
    """A link's target comes from the link, which anybody can write."""
    if target is not None and not is_safe_redirect(target, call.backing.origins):
        raise Forbidden("Invalid callbackURL", code="INVALID_CALLBACK_URL")


_CALLBACK = Field("callbackURL", required=False)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/request-password-reset",
        request_password_reset,
        limit="mail",
        body=Schema((Field("email", address), Field("redirectTo", required=False))),
    ),
    Endpoint("GET", "/reset-password/{token}", open_reset, query=Schema((_CALLBACK,))),
    Endpoint(
        "POST",
        "/reset-password",
        reset_password,
        limit="credentials",
        body=Schema((Field("newPassword"), Field("token", required=False))),
        query=Schema((Field("token", required=False),)),
    ),
    Endpoint(
        "POST",
        "/send-verification-email",
        send_verification_email,
        session=True,
        limit="mail",
        body=Schema((Field("email", address), _CALLBACK)),
    ),
    Endpoint(
        "GET",
        "/verify-email",
        verify_email,
        writes=True,
        query=Schema((Field("token"), _CALLBACK)),
    ),
    Endpoint(
        "POST",
        "/change-email",
        change_email,
        session=True,
        limit="mail",
        body=Schema((Field("newEmail", address), _CALLBACK)),
    ),
    Endpoint(
        "GET",
        "/delete-user/callback",
        delete_by_link,
        session=True,
        writes=True,
        query=Schema((Field("token"), _CALLBACK)),
    ),
)
