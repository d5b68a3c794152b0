"""Signing in with Google or another provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessionwire.exchange.call import Call, Reply
from sessionwire.gateways.pages.page import Page
from sessionwire.gateways.pages.sign_in_pages import show_sign_in
from sessionwire.gateways.pages.templates import show
from sessionwire.gateways.pages.visitor import after, here, target_of

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Refused

__all__ = ["PAGES"]


async def show_begin(call: Call, refused: Refused | None) -> Reply:
    """A form leads here, not a link: the way in is on the sign-in page."""
    if refused is None:
        return Reply.redirect(here("/sign-in", call), status=303)
    return await show_sign_in(call, refused)


async def begin(call: Call) -> Reply:
    """A page that goes on to the provider at once.

    Not a redirect: browsers apply `form-action` to every address that a form's redirects pass, and
    where a provider sends people in turn nobody can list.
    """
    id = call.path["provider"]
    begun = await call.backing.openid.begin(
        call.writing,
        id,
        target=after(target_of(call)),
        error_target=here("/sign-in", call),
    )
    name = call.backing.openid.providers[id].name or id
    reply = show("leaving.html", call.backing.settings, url=begun.url, provider=name)
    return replace(reply, cookies=call.backing.cookies.state(begun.state))


PAGES = (
    Page(
        "/sign-in/{provider}",
        show_begin,
        query=("redirect",),
        submit=begin,
        login=True,
        limit="credentials",
        bucket="POST /sign-in/social",
        seconds=20.0,
    ),
)
