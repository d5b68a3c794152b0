"""The password of a user: looked up, checked and replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Event, Events
from sessionwire.auth.passwords import Match
from sessionwire.errors import BadRequest
from sessionwire.model import Document, ObjectId, format_id
from sessionwire.policy.passwords import PasswordFault, PasswordRules, is_too_long

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.auth.passwords import Passwords
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Credentials", "hash_in"]

_FAULTS = {
    PasswordFault.TOO_SHORT: "Password too short",
    PasswordFault.TOO_LONG: "Password too long",
    PasswordFault.COMPROMISED: (
        "This password is too easy to guess. Choose one that is not in common use, "
        "and more than your name or address with digits."
    ),
}
_NOBODY: Document = {"_id": "nobody"}
"""Whose account is looked for when there is no such user, for the time that it takes."""


class Credentials:
    """The accounts `credential` of one database. It opens and ends no session."""

    def __init__(
        self,
        store: Store,
        *,
        passwords: Passwords,
        rules: PasswordRules | None = None,
        clock: Clock = utc_now,
        events: Events | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._rules = rules or PasswordRules()
        self._clock = clock
        self._events = events or Events()

    def refuse_weak(self, password: str, *, own: Iterable[str] = ()) -> None:
        """Raises BadRequest for what may not be a new password of whom the words `own` name."""
        fault = self._rules.fault_of(password, own=own)
        if fault is not None:
            raise BadRequest(_FAULTS[fault], code=fault.value)

    def refuse_long(self, password: str) -> None:
        """Raises BadRequest for what nobody's password can be."""
        if is_too_long(password):
            fault = PasswordFault.TOO_LONG
            raise BadRequest(_FAULTS[fault], code=fault.value)

    async def of(self, user: Document | None) -> Document | None:
        """The user's account; as long for nobody, who has none."""
        wanted = {"userId": (user or _NOBODY)["_id"], "providerId": "credential"}
        return await self._store.find_one("account", wanted, sort="_id")

    def account(self, user_id: object, hashed: str) -> Document:
        """A new account, not yet written."""
        now = self._clock()
        return {
            "_id": ObjectId(),
            "userId": user_id,
            "providerId": "credential",
            "accountId": format_id(user_id),
            "password": hashed,
            "createdAt": now,
            "updatedAt": now,
        }

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many wait."""
        return await self._passwords.hash(password)

    async def verify(self, account: Document | None, password: str) -> Match:
        """Whether it is the account's password; WRONG, after as long, without one."""
        return await self._passwords.verify(hash_in(account), password)

    async def confirm(self, user: Document, password: str) -> None:
        """Raises BadRequest for anything but the user's password."""
        account = await self.of(user)
        if is_too_long(password) or await self.verify(account, password) is Match.WRONG:
            raise BadRequest("Invalid password", code="INVALID_PASSWORD")

    async def rehash(self, writing: Writing, account: Document, password: str) -> None:
        """Keep the same password under a newer hash."""
        await writing.update_one(
            "account",
            {"_id": account["_id"], "password": account["password"]},
            {"$set": {"password": await self.hash(password)}},
        )

    async def checked(self, user: Document, password: str) -> Document:
        """The user's account, whose password this is. Raises BadRequest."""
        account = await self.of(user)
        if account is None or hash_in(account) is None:
            raise BadRequest("Credential account not found", code="CREDENTIAL_ACCOUNT_NOT_FOUND")
        if is_too_long(password) or await self.verify(account, password) is Match.WRONG:
            raise BadRequest("Invalid password", code="INVALID_PASSWORD")
        return account

    async def replace(
        self, writing: Writing, user: Document, *, checked: Document, hashed: str
    ) -> bool:
        """Write the hash over the one that was checked, and no other; whether it still stood."""
        await self._note(writing, user)
        unchanged = {"_id": checked["_id"], "password": checked["password"]}
        change: dict[str, Any] = {"password": hashed, "updatedAt": self._clock()}
        return await writing.update_one("account", unchanged, {"$set": change})

    async def put(self, writing: Writing, user: Document, *, hashed: str) -> None:
        """Write this hash over any other; who had no password has one now."""
        await self._note(writing, user)
        wanted = {"userId": user["_id"], "providerId": "credential"}
        change = {"$set": {"password": hashed, "updatedAt": self._clock()}}
        if not await writing.update_many("account", wanted, change):
            await writing.insert_one("account", self.account(user["_id"], hashed))

    async def _note(self, writing: Writing, user: Document) -> None:
        id = format_id(user["_id"])
        changed = Event("credential_changed", self._clock(), id, reason="password")
        await self._events.note(writing, changed)


def hash_in(account: Document | None) -> str | None:
    """The account's hash, if it has one."""
    stored = None if account is None else account.get("password")
    return stored if isinstance(stored, str) else None
