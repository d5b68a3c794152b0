"""How many connections each user, each address and the process hold; pure."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from sessionwire.errors import OurError, PeerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.policy.limits import Limits

__all__ = ["Admission", "Full", "TooMany"]


class TooMany(PeerError):
    """This user or this address holds too many connections."""

    code = "TOO_MANY_CONNECTIONS"
    status = 429


class Full(OurError):
    """The process holds as many connections as it may, or is stopping."""

    code = "SERVICE_UNAVAILABLE"
    status = 503


class Admission:
    """Counts: `admit` before accepting, `release` with the same arguments at the end."""

    def __init__(self, limits: Limits) -> None:
        self.stopping = False
        self._limits = limits
        self._total = 0
        self._users: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def admit(self, *, user: str | None, address: str) -> None:
        """Count one connection in. Raises Full or TooMany, and then counts nothing."""
        if self.stopping or self._total >= self._limits.connections:
            raise Full("no more connections are taken")
        if self._addresses[address] >= self._limits.connections_per_address:
            raise TooMany("too many connections from this address")
        if user is not None and self._users[user] >= self._limits.connections_per_user:
            raise TooMany("too many connections of this user")
        self._total += 1
        self._addresses[address] += 1
        if user is not None:
            self._users[user] += 1

    def release(self, *, user: str | None, address: str) -> None:
        self._total -= 1
        _decrement(self._addresses, address)
        if user is not None:
            _decrement(self._users, user)

    @contextlib.contextmanager
    def admitted(self, *, user: str | None, address: str) -> Iterator[None]:
        """Count one connection in while the block runs. Raises as `admit` does."""
        self.admit(user=user, address=address)
        try:
            yield
        finally:
            self.release(user=user, address=address)


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
