"""How long a session lives, and when a read extends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = [
    "FRESH_AGE",
    "LIFETIME",
    "MAXIMUM",
    "REFRESH_AFTER",
    "UNREMEMBERED_LIFETIME",
    "Due",
    "Expired",
    "Fresh",
    "Lifetime",
    "Span",
    "is_fresh",
]

LIFETIME = timedelta(days=7)
"""From the last refresh to the end of a session that nobody uses."""
REFRESH_AFTER = timedelta(hours=24)
"""A session is extended when it is read this long after it was last extended."""
UNREMEMBERED_LIFETIME = timedelta(days=1)
"""Of a session whose owner did not want to be remembered; never extended."""
FRESH_AGE = timedelta(hours=24)
"""How long after sign-in a session may do what needs a recent sign-in."""
MAXIMUM = timedelta(days=90)
"""From sign-in to the end of a session, however active, unless a setting says otherwise."""


_SHORT = UNREMEMBERED_LIFETIME + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Fresh:
    """Valid, and neither due nor over before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """Valid, and to be extended to `expires_at`."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Expired:
    """Over."""


Lifetime = Fresh | Due | Expired


@dataclass(frozen=True, slots=True)
class Span:
    """A session's life as its document tells it; `maximum` is counted from `created_at`.

    A session made not to be remembered shows by its short span: no field in MongoDB says so, and
    better-auth's own sessions are told apart in the same way.
    """

    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    maximum: timedelta = MAXIMUM

    @property
    def ends_at(self) -> datetime:
        """When it is over unless it is extended; the maximum binds also who wrote a later date."""
        return min(self.expires_at, self._maximum_at)

    @property
    def remembered(self) -> bool:
        if self.expires_at - self.updated_at > _SHORT:
            return True
        return self._reaches_maximum and self.maximum > _SHORT

    @property
    def refresh_at(self) -> datetime | None:
        """From when on a read extends it; None if never."""
        if self._reaches_maximum or not self.remembered:
            return None
        return self.expires_at - LIFETIME + REFRESH_AFTER

    def judge(self, *, now: datetime) -> Lifetime:
        """What a read at `now` makes of it."""
        if self.ends_at <= now:
            return Expired()
        due = self.refresh_at
        if due is None or due > now:
            return Fresh(self.ends_at if due is None else min(due, self.ends_at))
        return Due(min(now + LIFETIME, self._maximum_at))

    @property
    def _reaches_maximum(self) -> bool:
        return self.expires_at >= self._maximum_at

    @property
    def _maximum_at(self) -> datetime:
        try:
            return self.created_at + self.maximum
        except OverflowError:  # another program's date: the last year there is
            return datetime.max.replace(tzinfo=UTC)


def is_fresh(created_at: datetime | None, *, now: datetime) -> bool:
    """Whether a sign-in is recent enough for what needs one."""
    return created_at is not None and now - created_at < FRESH_AGE
