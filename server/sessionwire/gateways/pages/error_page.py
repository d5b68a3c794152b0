"""What went wrong on the way through other sites: the page, and the contract's endpoint for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.gateways.pages.page import Page, texts
from sessionwire.gateways.pages.templates import link, show
from sessionwire.gateways.pages.words import trouble_of

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Refused

__all__ = ["ENDPOINTS", "PAGES"]

_CODE: Final = re.compile(r"[A-Za-z0-9_'-]{1,128}")
_DESCRIPTION_LIMIT: Final = 512


def code_of(call: Call) -> str:
    """The code in the address; anybody can write it, so it is letters and digits or UNKNOWN."""
    given: str = call.query.get("error", "")
    return given if _CODE.fullmatch(given) else "UNKNOWN"


async def show_error(call: Call, refused: Refused | None) -> Reply:
    """The code in words. A description is not shown: it is whatever the address says."""
    code = code_of(call)
    return show("error.html", call.backing.settings, trouble=trouble_of(code), code=code)


async def error(call: Call) -> Reply:
    """The page in development; in production a redirect to it, as the contract has it."""
    settings, code = call.backing.settings, code_of(call)
    if settings.environment == "development":
        return await show_error(call, None)
    if settings.pages and settings.compat != "better-auth":
        return Reply.redirect(link("/auth/error", error=code))
    description = call.query.get("error_description", "")[:_DESCRIPTION_LIMIT]
    return Reply.redirect(link("/", error=code, error_description=description))


ENDPOINTS = (Endpoint("GET", "/error", error, query=texts("error", "error_description")),)
PAGES = (Page("/auth/error", show_error, query=("error",)),)
