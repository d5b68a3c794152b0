"""Where people land on a server that serves nothing else at `/`: who they are, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.gateways.pages.page import Page
from sessionwire.gateways.pages.templates import show
from sessionwire.gateways.pages.visitor import HOME, visitor

if TYPE_CHECKING:
    from sessionwire.exchange.call import Call, Reply
    from sessionwire.gateways.pages.page import Refused

__all__ = ["PAGES"]


async def show_home(call: Call, refused: Refused | None) -> Reply:
    return show("home.html", call.backing.settings, view=await visitor(call))


PAGES = (Page(HOME, show_home),)
