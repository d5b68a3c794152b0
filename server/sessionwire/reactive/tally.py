"""What a process has done so far, as numbers that only grow; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Histogram", "Tally"]

_LATENCY = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Histogram:
    """How many observations were at most each bound, in seconds; those beyond go into the last."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = _LATENCY) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a negative one, of clocks that disagree, counts as none."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        if seconds > 0:
            self.total += seconds

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(slots=True)
class Tally:
    """Of one hub; each is counted where it happens, and read when somebody asks."""

    groups: int = 0
    changes: int = 0
    overlooked: int = 0
    """Updates of documents that nobody looks at: they are not even decoded."""
    recomputed: int = 0
    suppressed: int = 0
    """Recomputations that gave the same value as before: nobody was told."""
    coalesced: int = 0
    """Results that were replaced by a newer one before they were sent."""
    frames: int = 0
    results: int = 0
    bytes: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    """Connections that the server ended, by reason; `slow` are those that were cut."""
    write_to_frame: Histogram = field(default_factory=Histogram)
    """From MongoDB's wall clock at the write to the frame that shows it, in seconds."""
    write_to_close: Histogram = field(default_factory=Histogram)
    """From the write that ended a session to the goodbye of its connections, in seconds."""
    loads: Histogram = field(default_factory=Histogram)
    """How long snapshot reads took, in seconds."""
