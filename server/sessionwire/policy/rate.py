"""A token bucket: so many at once, so many a second; time comes in."""

from __future__ import annotations

__all__ = ["Bucket"]


class Bucket:
    """Holds at most `burst` tokens, refilled at `rate` a second; begins full."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, *, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at: float | None = None

    def take(self, *, now: float) -> bool:
        """Whether one more is allowed at `now` (monotonic seconds)."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def give_back(self) -> None:
        """Undo one `take`: it was for something that does not count."""
        self._tokens = min(self._burst, self._tokens + 1.0)
