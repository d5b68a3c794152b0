"""How long a session lives, and when a read extends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = [
    "FRESH_AGE",
    "LIFETIME",
    "REFRESH_AFTER",
    "UNREMEMBERED_LIFETIME",
    "Due",
    "Expired",
    "Fresh",
    "Lifetime",
    "judge",
    "refresh_at",
]

LIFETIME = timedelta(days=7)
"""From the last refresh to the end of a session that nobody uses."""
REFRESH_AFTER = timedelta(hours=24)
"""A session is extended when it is read this long after it was last extended."""
UNREMEMBERED_LIFETIME = timedelta(days=1)
"""Of a session whose owner did not want to be remembered; never extended."""
FRESH_AGE = timedelta(hours=24)
"""How long after sign-in a session may do what needs a recent sign-in."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Valid, and not due yet."""


@dataclass(frozen=True, slots=True)
class Due:
    """Valid, and to be extended to `expires_at`."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Expired:
    """Over."""


Lifetime = Fresh | Due | Expired


def refresh_at(*, expires_at: datetime, updated_at: datetime) -> datetime | None:
    """From when on a read extends the session; None if never.

    A session made not to be remembered shows by its short span: no field in MongoDB says so, and
    better-auth's own sessions are told apart in the same way.
    """
    if expires_at - updated_at <= UNREMEMBERED_LIFETIME + timedelta(minutes=1):
        return None
    return expires_at - LIFETIME + REFRESH_AFTER


def judge(*, expires_at: datetime, updated_at: datetime, now: datetime) -> Lifetime:
    """What a read at `now` makes of a session."""
    if expires_at <= now:
        return Expired()
    due = refresh_at(expires_at=expires_at, updated_at=updated_at)
    return Due(now + LIFETIME) if due is not None and due <= now else Fresh()
