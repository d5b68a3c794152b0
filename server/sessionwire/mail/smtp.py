"""Hands letters to a mail server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Literal

import aiosmtplib

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter

__all__ = ["MailServer", "message_of"]

_SECONDS = 10.0
"""For each step of the conversation; the postman bounds the whole."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """One SMTP server, by its address; a letter is a connection of its own."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    username: str | None = None
    password: str | None = None

    async def carry(self, letter: Letter) -> None:
        """Returns once the server took the letter. Raises SMTPException, OSError, ValueError."""
        await aiosmtplib.send(
            message_of(letter, sender=self.sender),
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            timeout=_SECONDS,
        )


def message_of(letter: Letter, *, sender: str) -> EmailMessage:
    """The letter as a message. Raises ValueError for a header of more than one line."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip("> ") or None)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer from a machine
    message.set_content(letter.text)
    return message
