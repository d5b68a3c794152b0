"""One row of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entry", "entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`severities` are those that a finding of the code may have."""

    area: str
    severities: tuple[str, ...]
    why: str


def entries(area: str, rows: dict[str, tuple[str, str]]) -> dict[str, Entry]:
    """Rows of one area: code → (severities separated by spaces, why)."""
    return {
        code: Entry(area, tuple(severities.split()), " ".join(why.split()))
        for code, (severities, why) in rows.items()
    }
