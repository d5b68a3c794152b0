"""Figures of several rounds, their ratios, and the one table that is printed of them."""

from __future__ import annotations

import math
import operator
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Goal", "Row", "as_json", "as_markdown"]

_COMPARE: dict[str, Callable[[float, float], bool]] = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True, slots=True)
class Goal:
    """`sign` bound `× peer`; without a peer the bound is absolute, in the row's unit."""

    sign: str
    bound: float
    peer: str | None = None

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}" + (f"× {self.peer}" if self.peer else "")


@dataclass(slots=True)
class Row:
    """One figure: the values of every contender, a list of rounds each."""

    workload: str
    figure: str
    unit: str
    goals: tuple[Goal, ...]
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])

    def ratio(self, ours: str, peer: str) -> float:
        """The median of the rounds' ratios."""
        rounds = zip(self.values[ours], self.values[peer], strict=False)
        return statistics.median(a / b if b else math.inf for a, b in rounds)

    def verdicts(self, ours: str) -> list[tuple[Goal, float, bool]]:
        """For each goal: what was reached, and whether that is enough."""
        found = []
        for goal in self.goals:
            if ours not in self.values or (goal.peer and goal.peer not in self.values):
                continue
            reached = self.ratio(ours, goal.peer) if goal.peer else self.median(ours)
            found.append((goal, reached, _COMPARE[goal.sign](reached, goal.bound)))
        return found


def as_markdown(rows: Iterable[Row], *, ours: str) -> str:
    """The table, a line for each goal."""
    rows = list(rows)
    if not rows:
        return "nothing"
    peers = list(dict.fromkeys(name for row in rows for name in row.values if name != ours))
    head = ["", "figure", ours, *peers, "ratio", "goal", "met"]
    lines = []
    for row in rows:
        first = [
            row.workload,
            f"{row.figure}, {row.unit}",
            *(_cell(row, n) for n in (ours, *peers)),
        ]
        verdicts: list[tuple[Goal, float, bool] | None] = [*row.verdicts(ours)] or [None]
        for verdict in verdicts:
            lines.append([*first, *_verdict(verdict)])
            first = [""] * len(first)
    return "\n".join(_lines([head, *lines]))


def _verdict(verdict: tuple[Goal, float, bool] | None) -> list[str]:
    if verdict is None:
        return ["", "", ""]
    goal, reached, met = verdict
    return [_number(reached) + ("×" if goal.peer else ""), str(goal), "yes" if met else "no"]


def _cell(row: Row, name: str) -> str:
    return _number(row.median(name)) if name in row.values else ""


def _number(value: float) -> str:
    if math.isnan(value):
        return "—"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{digits}f}".replace(",", " ")


def _lines(cells: list[list[str]]) -> Iterable[str]:
    widths = [max(len(line[n]) for line in cells) for n in range(len(cells[0]))]
    for number, line in enumerate(cells):
        yield "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def as_json(rows: Iterable[Row], *, ours: str) -> list[dict[str, Any]]:
    return [
        {
            "workload": row.workload,
            "figure": row.figure,
            "unit": row.unit,
            "values": row.values,
            "goals": [
                {"goal": str(goal), "reached": reached, "met": met}
                for goal, reached, met in row.verdicts(ours)
            ],
        }
        for row in rows
    ]
