"""The links that a better-auth server on the same database mailed: they work here as they do there.

Its resets are records under the plain token; its confirmations are signed tokens that nothing
records, good for an hour and bound to the address that they name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.policy.emails import canonical_email

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Claim", "ForeignLinks"]

_TOKEN = re.compile(r"[A-Za-z0-9]{24}\Z")
_RESET = "reset-password:"
_STEPS = (None, "change-email-confirmation", "change-email-verification")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed token says: `email` is confirmed, or wants to become `update_to`."""

    email: str
    user_id: str | None
    update_to: str | None
    step: str | None
    """Of a change: `change-email-confirmation` at the old address, then `…-verification`."""


class ForeignLinks:
    """Reads what better-auth made with these secrets. It makes no such link itself."""

    def __init__(self, store: Store, *, keys: Sequence[str], clock: Clock = utc_now) -> None:
        self._store = store
        self._keys = [OctKey.import_key(each) for each in keys]
        self._clock = clock

    async def peek_reset(self, token: str) -> str | None:
        """Whose password the link sets, which it goes on to do."""
        wanted = self._good(token)
        return _user_in(wanted and await self._store.find_one("verification", wanted))

    async def take_reset(self, writing: Writing, token: str) -> str | None:
        """Whose password the link sets, once."""
        wanted = self._good(token)
        return _user_in(wanted and await writing.find_one_and_delete("verification", wanted))

    async def forget_resets(self, writing: Writing, user_id: str) -> None:
        """End every reset link of the user."""
        mine = {"identifier": {"$regex": f"^{_RESET}"}, "value": user_id}
        await writing.delete_many("verification", mine)

    def _good(self, token: str) -> dict[str, Any] | None:
        """Nothing but its own tokens: a hash that our own records are found by is none."""
        if not _TOKEN.match(token):
            return None
        return {"identifier": f"{_RESET}{token}", "expiresAt": {"$gt": self._clock()}}

    def claim(self, token: str) -> Claim | None:
        """What the token says, while it is good."""
        for key in self._keys:
            try:
                claims = jwt.decode(token, key, algorithms=["HS256"]).claims
            except (JoseError, ValueError):
                continue
            return self._claim(claims)
        return None

    def _claim(self, claims: dict[str, Any]) -> Claim | None:
        expires = claims.get("exp")
        email, new = _address(claims.get("email")), _address(claims.get("updateTo"))
        step, user_id = claims.get("requestType"), claims.get("userId")
        if not isinstance(expires, int) or expires <= self._clock().timestamp():
            return None
        if email is None or step not in _STEPS or (step is None) != (new is None):
            return None
        return Claim(email, user_id if isinstance(user_id, str) else None, new, step)


def _address(value: object) -> str | None:
    return canonical_email(value) if isinstance(value, str) else None


def _user_in(found: Document | None) -> str | None:
    value = None if found is None else found.get("value")
    return value if isinstance(value, str) else None
