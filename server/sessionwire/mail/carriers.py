"""Who carries mail: the configured SMTP server, or in development the mailbox page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sessionwire.mail.mailbox import Mailbox
from sessionwire.mail.smtp import MailServer

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter
    from sessionwire.mail.postman import Carry
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["carrier_of"]

logger = logging.getLogger("sessionwire.mail")


def carrier_of(settings: Settings, store: Store) -> Carry:
    """The carrier that the settings ask for; asked once, when the server starts."""
    if settings.smtp_host is not None:
        return _mail_server(settings, settings.smtp_host).carry
    if settings.environment == "development":
        return Mailbox(store).carry
    logger.warning("No mail is sent: set SESSIONWIRE_SMTP_HOST, or pass send_mail to SessionWire")
    return _lose


def _mail_server(settings: Settings, host: str) -> MailServer:
    password = settings.smtp_password
    return MailServer(
        host=host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.mail_from,
        username=settings.smtp_username,
        password=None if password is None else password.get_secret_value(),
    )


async def _lose(letter: Letter) -> None:
    logger.info("No mail server is configured: a mail (%s) is lost", letter.kind)
