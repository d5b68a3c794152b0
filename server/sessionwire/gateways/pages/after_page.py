"""After signing in: waits until the account is set up, for a while only, then goes on."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from sessionwire.exchange.call import Call, Reply
from sessionwire.gateways.pages.page import Page
from sessionwire.gateways.pages.templates import show
from sessionwire.gateways.pages.visitor import here, target_of, visitor

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Refused
    from sessionwire.reactive.shapes import SessionView

__all__ = ["PAGES"]

_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
"""Seconds between looks: two in all. The relay answers from memory, and a trigger sets users up
within milliseconds, so that hardly anybody sees this page."""
_TRIES: Final = 5
"""How often a browser without JavaScript comes back: three seconds each."""
_NUMBER: Final = re.compile(r"[0-9]{1,3}")


async def show_after(call: Call, refused: Refused | None) -> Reply:
    view = await _settled(call)
    if view is None:
        return Reply.redirect(here("/sign-in", call), status=303)
    if view.user.onboarded:
        return Reply.redirect(target_of(call), status=303)
    tried = _tries(call) + 1
    is_stuck = tried >= _TRIES
    return show(
        "after.html",
        call.backing.settings,
        status=503 if is_stuck else 200,
        is_stuck=is_stuck,
        user=view.user,
        target=target_of(call),
        sign_in=here("/sign-in", call),
        sign_out=here("/sign-out", call),
        again=here("/auth/after", call),
        refresh=here("/auth/after", call, tries=str(tried)),
    )


async def _settled(call: Call) -> SessionView | None:
    """The session once its user is set up, or as it is after two seconds."""
    view = await visitor(call)
    for pause in _PAUSES:
        if view is None or view.user.onboarded:
            break
        await asyncio.sleep(pause)
        view = await visitor(call)
    return view


def _tries(call: Call) -> int:
    given = call.query.get("tries", "0")
    return int(given) if _NUMBER.fullmatch(given) else 0


PAGES = (Page("/auth/after", show_after, query=("redirect", "tries")),)
