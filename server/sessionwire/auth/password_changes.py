"""A new password: written, and the sessions ended that the old one opened, at one moment.

No crash leaves such a session behind. A sign-in with the old password that is under way meanwhile
finds the new hash, or is found afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from sessionwire.auth.credentials import Credentials
    from sessionwire.auth.sessions import Device, Opened, Sessions
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Writing

__all__ = ["PasswordChanges"]


class PasswordChanges:
    """Whether somebody may change a password is for who calls `put` to know."""

    def __init__(self, *, sessions: Sessions, credentials: Credentials) -> None:
        self._sessions = sessions
        self._credentials = credentials

    async def change(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        current: str,
        new: str,
        device: Device | None,
    ) -> Opened | None:
        """Replace the password, and end all sessions but this one.

        With a `device` this one ends too, and another is opened for it. Raises BadRequest.
        """
        own = (text(who.user, "name"), text(who.user, "email"))
        self._credentials.refuse_weak(new, own=own)
        hashed: str | None = None
        while True:
            account = await self._credentials.checked(who.user, current)
            hashed = hashed or await self._credentials.hash(new)
            replaced = await self._replace(writing, who, account, hashed, device)
            if replaced is not None:
                kept, opened = replaced
                break
        await self._sessions.end_all(writing, who.user, keep=kept["_id"], reason="password_changed")
        return opened

    async def _replace(
        self,
        writing: Writing,
        who: SignedIn,
        account: Document,
        hashed: str,
        device: Device | None,
    ) -> tuple[Document, Opened | None] | None:
        """The session that stays, and the one that was opened; None, and nothing done, when the
        password is another by now.
        """

        async def work() -> tuple[Document, Opened | None] | None:
            if not await self._credentials.replace(
                writing, who.user, checked=account, hashed=hashed
            ):
                return None
            opened = None
            if device is not None:
                opened = await self._sessions.open(writing, who.user, device)
            kept = who.session if opened is None else opened.document
            await self._end(writing, who.user, keep=kept["_id"])
            return kept, opened

        return await writing.atomically("user", who.user["_id"], work)

    async def put(self, writing: Writing, user: Document, *, hashed: str) -> bool:
        """Write the hash over any other, and end all sessions; False, and nothing done, for a user
        who is gone, or has another address by now.
        """

        async def work() -> bool:
            same = {"_id": user["_id"], "email": user.get("email")}
            if await writing.find_one("user", same) is None:
                return False
            await self._credentials.put(writing, user, hashed=hashed)
            await self._end(writing, user)
            return True

        if not await writing.atomically("user", user["_id"], work):
            return False
        await self._sessions.end_all(writing, user, reason="password_changed")
        return True

    async def _end(self, writing: Writing, user: Document, *, keep: object = None) -> None:
        """End the sessions of the transaction's moment."""
        found = await writing.find("session", {"userId": user["_id"]})
        others = [each for each in found if each["_id"] != keep]
        await self._sessions.end(writing, others, reason="password_changed")
