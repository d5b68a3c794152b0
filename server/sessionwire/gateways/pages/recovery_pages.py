"""A forgotten password, and an address that has to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Reply
from sessionwire.gateways.pages.page import Page
from sessionwire.gateways.pages.templates import link, show
from sessionwire.gateways.pages.visitor import here
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.passwords import MINIMUM
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Refused
    from sessionwire.model import Document

__all__ = ["PAGES"]


async def show_forgot(call: Call, refused: Refused | None) -> Reply:
    return show(
        "forgot_password.html",
        call.backing.settings,
        refused=refused,
        action=here("/forgot-password", call),
        sign_in=here("/sign-in", call),
        sent=call.query.get("done") == "sent",
    )


async def forgot(call: Call) -> Reply:
    """The same answer whether or not there is an account."""
    address = canonical_email(call.body.get("email", "").strip())
    if address is None:
        raise BadRequest("Invalid email", code="INVALID_EMAIL")
    await call.backing.recovery.request(call.writing, email=address, target="/reset-password")
    return Reply.redirect(here("/forgot-password", call, done="sent"), status=303)


async def show_reset(call: Call, refused: Refused | None) -> Reply:
    """The form only while the link is good, which looking at it does not change."""
    token = call.query.get("token", "")
    is_linked = not call.query.keys().isdisjoint(("token", "error"))
    is_good = token != "" and await call.backing.recovery.check(token)
    return show(
        "reset_password.html",
        call.backing.settings,
        refused=refused if is_good else None,
        status=200 if is_good or not is_linked else 400,
        action=link("/reset-password", token=token),
        is_good=is_good,
        is_linked=is_linked,
        minimum=MINIMUM,
    )


async def reset(call: Call) -> Reply:
    password = call.body.get("password", "")
    if password != call.body.get("again", ""):
        raise BadRequest("The passwords differ", code="PASSWORDS_DIFFER")
    token = call.query.get("token", "")
    await call.backing.recovery.reset(
        call.writing, token=token, password=password, address=call.address
    )
    return Reply.redirect(link("/sign-in", done="password"), status=303)


async def show_verify(call: Call, refused: Refused | None) -> Reply:
    """With a link's token a button, as programs that look at mail follow links; otherwise where
    the address stands."""
    token = call.query.get("token", "")
    return show(
        "verify_email.html",
        call.backing.settings,
        refused=refused,
        action=link("/verify-email", token=token),
        resend="/verify-email",
        sign_in="/sign-in",
        token=token,
        is_bad="error" in call.query,
        done=call.query.get("done", ""),
        user=None if call.who is None else _words(call.who.user),
    )


def _words(user: Document) -> dict[str, Any]:
    return {"email": text(user, "email"), "is_verified": user.get("emailVerified") is True}


async def verify(call: Call) -> Reply:
    """Confirm the link's address; without a link, send a new one."""
    addresses, token = call.backing.addresses, call.query.get("token", "")
    if token:
        if await addresses.verify(call.writing, token) is None:
            raise BadRequest("Invalid token", code="INVALID_TOKEN")
        return Reply.redirect(link("/verify-email", done="confirmed"), status=303)
    if call.who is not None:
        await addresses.send_verification(call.writing, call.me.user, target=None)
    else:
        address = canonical_email(call.body.get("email", "").strip())
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        await addresses.request_verification(call.writing, email=address, target=None)
    return Reply.redirect(link("/verify-email", done="sent"), status=303)


PAGES = (
    Page(
        "/forgot-password",
        show_forgot,
        query=("redirect", "done"),
        submit=forgot,
        body=("email",),
        kept=("email",),
        limit="mail",
        bucket="POST /request-password-reset",
    ),
    Page(
        "/reset-password",
        show_reset,
        query=("token", "error"),
        submit=reset,
        body=("password", "again"),
        limit="credentials",
        bucket="POST /reset-password",
    ),
    Page(
        "/verify-email",
        show_verify,
        query=("token", "error", "done"),
        session=True,
        submit=verify,
        body=("email",),
        kept=("email",),
        limit="mail",
        bucket="POST /send-verification-email",
    ),
)
