"""Every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.gateways.pages import (
    after_page,
    error_page,
    home_page,
    invitation_page,
    provider_pages,
    recovery_pages,
    sign_in_pages,
)
from sessionwire.gateways.pages.mailbox_page import mailbox_pages

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Page
    from sessionwire.settings import Settings

__all__ = ["pages_of"]


def pages_of(settings: Settings, *, home: bool) -> list[Page]:
    """Those that a server with these settings shows; with `home` also one at `/`."""
    return [
        *(home_page.PAGES if home else ()),
        *sign_in_pages.PAGES,
        *provider_pages.PAGES,
        *recovery_pages.PAGES,
        *invitation_page.PAGES,
        *after_page.PAGES,
        *error_page.PAGES,
        *mailbox_pages(settings),
    ]
