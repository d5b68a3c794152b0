"""Who the viewer is, and whether their session still stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from sessionwire.model import Document, ObjectId
from sessionwire.policy.lifetime import Span
from sessionwire.reactive.fields import moment

if TYPE_CHECKING:
    from datetime import timedelta

    from sessionwire.reactive.view import Context

__all__ = [
    "IDENTITY",
    "EndReason",
    "Ended",
    "Identity",
    "SignedIn",
    "identify",
    "span_of",
    "tombstone_id",
]

IDENTITY = "$identity"
"""The query that says whether a connection's session still stands; clients cannot ask for it."""

EndReason = Literal["signed_out", "revoked", "expired", "password_changed", "banned", "deleted"]
_REASONS: frozenset[str] = frozenset(get_args(EndReason))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The credential names a session of this user; whether it is expired is for who has a clock."""

    session: Document
    user: Document
    pin: ObjectId | str | None = None
    """The organization of theirs that a request is about, in place of the active one."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The credential names no session (any more)."""

    reason: EndReason


class Identity(msgspec.Struct, frozen=True):
    """What a connection has to know of its session; `ended` is None while it stands."""

    ended: EndReason | None
    session_id: str | None = None
    user_id: str | None = None
    expires_at: datetime | None = None


def tombstone_id(credential: str) -> str:
    """Under which `_id` the collection `sessionEnd` says why a session ended."""
    return hashlib.sha256(b"sessionEnd:" + credential.encode()).hexdigest()


def identify(ctx: Context) -> SignedIn | Ended | None:
    """Who the viewer is: None for nobody, `Ended` when the session is over."""
    credential = ctx.viewer.credential
    if credential is None:
        return None
    sessions = ctx.where("session", token=credential)
    if not sessions:
        stone = ctx.get("sessionEnd", tombstone_id(credential))
        reason = stone.get("reason") if stone else None
        return Ended(reason if reason in _REASONS else "revoked")
    session = sessions[0]
    user_id = session.get("userId")
    if not isinstance(user_id, ObjectId | str):
        return Ended("deleted")
    ctx.expect("member", userId=user_id)
    user = ctx.get("user", user_id)
    if user is None:
        return Ended("deleted")
    return Ended("banned") if user.get("banned") is True else SignedIn(session, user)


def span_of(session: Document, *, maximum: timedelta) -> Span | None:
    """The session's life; None for one without an end, which counts as over."""
    expires_at = moment(session, "expiresAt")
    if expires_at is None:
        return None
    updated_at = moment(session, "updatedAt") or expires_at
    return Span(moment(session, "createdAt") or updated_at, updated_at, expires_at, maximum)
