"""Signing in, up and out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Reply
from sessionwire.gateways.pages.page import Page, Refused
from sessionwire.gateways.pages.templates import show
from sessionwire.gateways.pages.visitor import after, here, target_of, visitor
from sessionwire.gateways.pages.words import trouble_of
from sessionwire.policy.passwords import MINIMUM

if TYPE_CHECKING:
    from sessionwire.auth.accounts import SignIn

__all__ = ["PAGES"]

_DONE = {
    "password": "Your password is changed. Sign in with the new one.",
    "signed-out": "You have signed out.",
}


async def show_sign_in(call: Call, refused: Refused | None) -> Reply:
    if refused is None and await visitor(call) is not None:
        return Reply.redirect(target_of(call), status=303)
    error = call.query.get("error")
    return show(
        "sign_in.html",
        call.backing.settings,
        refused=refused,
        action=here("/sign-in", call),
        sign_up=here("/sign-up", call),
        forgot=here("/forgot-password", call),
        providers=_providers(call),
        trouble=trouble_of(error) if error and refused is None else None,
        done=_DONE.get(call.query.get("done", "")),
        open=call.backing.settings.sign_up,
    )


async def sign_in(call: Call) -> Reply:
    remember = "remember" in call.body
    entered = await call.backing.accounts.sign_in(
        call.writing,
        email=call.body.get("email", "").strip(),
        password=call.body.get("password", ""),
        device=call.device(remember=remember),
    )
    return _entered(call, entered, remember=remember)


async def show_sign_up(call: Call, refused: Refused | None) -> Reply:
    if refused is None and await visitor(call) is not None:
        return Reply.redirect(target_of(call), status=303)
    return show(
        "sign_up.html",
        call.backing.settings,
        refused=refused,
        action=here("/sign-up", call),
        sign_in=here("/sign-in", call),
        providers=_providers(call),
        open=call.backing.settings.sign_up,
        sent=call.query.get("done") == "sent",
        minimum=MINIMUM,
    )


async def sign_up(call: Call) -> Reply:
    """Signed in at once, or else by a mail: then nothing tells a taken address from a free one."""
    settings, accounts = call.backing.settings, call.backing.accounts
    if not settings.sign_up:
        raise BadRequest("Sign-up is closed", code="EMAIL_PASSWORD_SIGN_UP_DISABLED")
    name, email = call.body.get("name", "").strip(), call.body.get("email", "").strip()
    password = call.body.get("password", "")
    if not name:
        raise BadRequest("A name is missing", code="NAME_MISSING")
    if not settings.auto_sign_in or settings.require_email_verification:
        await accounts.register(
            call.writing, name=name, email=email, password=password, image=None, target=None
        )
        sent = Reply.redirect(here("/sign-up", call, done="sent"), status=303)
        return replace(sent, awaited=False)
    entered = await accounts.sign_up(
        call.writing,
        name=name,
        email=email,
        password=password,
        image=None,
        device=call.device(remember=True),
    )
    return _entered(call, entered, remember=True)


def _entered(call: Call, entered: SignIn, *, remember: bool) -> Reply:
    cookies = call.backing.cookies.session(entered.opened.token, remember=remember)
    return Reply.redirect(after(target_of(call)), cookies=cookies, status=303)


async def sign_out(call: Call) -> Reply:
    await call.backing.sessions.sign_out(call.writing, call.viewer)
    page = here("/sign-in", call, done="signed-out")
    return Reply.redirect(page, cookies=call.backing.cookies.deletion(), status=303)


async def show_sign_out(call: Call, refused: Refused | None) -> Reply:
    """A page with the button: a link must not sign anybody out."""
    return show(
        "sign_out.html", call.backing.settings, refused=refused, action=here("/sign-out", call)
    )


def _providers(call: Call) -> list[tuple[str, str, str]]:
    """Their ids, what they are called, and where their forms are sent."""
    return [
        (id, each.name or id, here(f"/sign-in/{id}", call))
        for id, each in call.backing.settings.providers.items()
    ]


PAGES = (
    Page(
        "/sign-in",
        show_sign_in,
        query=("redirect", "error", "done"),
        submit=sign_in,
        body=("email", "password", "remember"),
        kept=("email", "remember"),
        login=True,
        limit="credentials",
        bucket="POST /sign-in/email",
    ),
    Page(
        "/sign-up",
        show_sign_up,
        query=("redirect", "done"),
        submit=sign_up,
        body=("name", "email", "password"),
        kept=("name", "email"),
        login=True,
        limit="credentials",
        bucket="POST /sign-up/email",
    ),
    Page("/sign-out", show_sign_out, query=("redirect",), submit=sign_out),
)
