"""Single-use tokens for one purpose each: what a link in a mail, or a provider's state, carries."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Literal, get_args

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.model import Document, ObjectId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sessionwire.store.mongo import Store, Writing

__all__ = ["Purpose", "Verifications"]

Purpose = Literal[
    "reset-password", "verify-email", "change-email", "delete-account", "oidc-state", "link-account"
]

_BYTES = 24  # 192 bits


class Verifications:
    """The collection `verification`: a token's hash, what it is good for, and until when.

    The purpose is part of what is hashed and of what is looked for: a token of one purpose is
    unknown to every other (CVE-2026-114607). It does not know what the values mean.
    """

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def issue(
        self,
        writing: Writing,
        purpose: Purpose,
        *,
        value: Mapping[str, Any],
        lifetime: timedelta,
        subject: str | None = None,
        token: str | None = None,
    ) -> str:
        """A new token for `value`; with a `subject` it takes the place of their last one.

        Of several that are made for one subject at once, one is good.
        """
        token = token or secrets.token_urlsafe(_BYTES)
        now = self._clock()
        document: dict[str, Any] = {
            "identifier": _identifier(purpose, token),
            "value": json.dumps(value, separators=(",", ":")),
            "expiresAt": now + lifetime,
            "createdAt": now,
            "updatedAt": now,
        }
        if subject is None:
            await writing.insert_one("verification", {"_id": ObjectId(), **document})
        else:
            document["subject"] = _subject(purpose, subject)
            id = ObjectId(hashlib.sha256(document["subject"].encode()).digest()[:12])
            await writing.update_one("verification", {"_id": id}, {"$set": document}, upsert=True)
        return token

    async def peek(self, purpose: Purpose, token: str) -> Mapping[str, Any] | None:
        """The token's value while it is good for anything, which it stays."""
        found = await self._store.find_one("verification", self._good(purpose, token))
        return _value_in(found)

    async def take(
        self, writing: Writing, purpose: Purpose, token: str
    ) -> Mapping[str, Any] | None:
        """The token's value, once: of many that ask at the same time, one gets it."""
        found = await writing.find_one_and_delete("verification", self._good(purpose, token))
        return _value_in(found)

    async def forget(self, writing: Writing, purpose: Purpose, *, subject: str) -> None:
        """End every token of this purpose that was made for the subject."""
        await writing.delete_many("verification", {"subject": _subject(purpose, subject)})

    async def forget_all(self, writing: Writing, *, subject: str) -> None:
        """End every token that was made for the subject, whatever it was for."""
        ended = [_subject(purpose, subject) for purpose in get_args(Purpose)]
        await writing.delete_many("verification", {"subject": {"$in": ended}})

    def _good(self, purpose: Purpose, token: str) -> dict[str, Any]:
        return {"identifier": _identifier(purpose, token), "expiresAt": {"$gt": self._clock()}}


def _subject(purpose: Purpose, subject: str) -> str:
    return f"{purpose}:{subject}"


def _identifier(purpose: Purpose, token: str) -> str:
    digest = hashlib.sha256(f"{purpose}:{token}".encode(errors="replace")).hexdigest()
    return f"{purpose}:{digest}"


def _value_in(found: Document | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    value = json.loads(found["value"])
    return value if isinstance(value, dict) else None
