"""The mail of a development server, kept in the database and shown at /mailbox.

Its letters hold tokens that work. That is why it exists in development only, where whoever can read
them can read everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.model import ObjectId
from sessionwire.reactive.fields import moment, text, text_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.auth.mail import Letter
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

__all__ = ["Delivered", "Mailbox"]

_KEPT = 200
_NEWEST = [("at", -1), ("_id", -1)]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A letter that arrived."""

    kind: str
    to: str
    subject: str
    text: str
    url: str | None
    at: datetime | None


class Mailbox:
    """The newest letters to anybody, for a day; it is not where mail waits to be sent."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def carry(self, letter: Letter) -> None:
        """Keep the letter, and no more than the newest 200."""
        document = {
            "_id": ObjectId(),
            "kind": letter.kind,
            "to": letter.to,
            "subject": letter.subject,
            "text": letter.text,
            "url": letter.url,
            "at": self._clock(),
        }
        async with self._store.writing() as writing:
            await writing.insert_one("sessionMail", document)
            old = await self._store.find("sessionMail", {}, sort=_NEWEST, skip=_KEPT)
            if old:
                ids = [each["_id"] for each in old]
                await writing.delete_many("sessionMail", {"_id": {"$in": ids}})

    async def latest(self, limit: int = 50) -> list[Delivered]:
        """The newest letters, the newest first."""
        found = await self._store.find("sessionMail", {}, sort=_NEWEST, limit=limit)
        return [_delivered(each) for each in found]


def _delivered(document: Document) -> Delivered:
    return Delivered(
        kind=text(document, "kind"),
        to=text(document, "to"),
        subject=text(document, "subject"),
        text=text(document, "text"),
        url=text_or_none(document, "url"),
        at=moment(document, "at"),
    )
