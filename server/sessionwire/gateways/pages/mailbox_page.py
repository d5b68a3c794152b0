"""The mails of a development server without a mail server, with links that can be clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.gateways.pages.page import Page
from sessionwire.gateways.pages.templates import show
from sessionwire.mail.mailbox import Mailbox

if TYPE_CHECKING:
    from sessionwire.exchange.call import Call, Reply
    from sessionwire.gateways.pages.page import Refused
    from sessionwire.mail.mailbox import Delivered
    from sessionwire.settings import Settings

__all__ = ["mailbox_pages"]


@dataclass(frozen=True, slots=True)
class _Mail:
    """A letter with its text cut at its link."""

    to: str
    subject: str
    at: str
    before: str
    url: str
    after: str


async def show_mailbox(call: Call, refused: Refused | None) -> Reply:
    found = await Mailbox(call.backing.store).latest()
    return show("mailbox.html", call.backing.settings, mails=[_cut(each) for each in found])


def _cut(letter: Delivered) -> _Mail:
    before, url, after = letter.text.partition(letter.url) if letter.url else (letter.text, "", "")
    at = "" if letter.at is None else f"{letter.at:%Y-%m-%d %H:%M:%S}"
    return _Mail(letter.to, letter.subject, at, before.strip(), url, after.strip())


def mailbox_pages(settings: Settings) -> list[Page]:
    """The page, where mails are kept instead of sent."""
    if settings.environment != "development" or settings.smtp_host is not None:
        return []
    return [Page("/mailbox", show_mailbox)]
