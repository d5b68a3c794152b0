"""A report for people: what is well in a line each, what is not with why and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sessionwire.doctor.catalogue import AREAS
from sessionwire.doctor.finding import Severity

if TYPE_CHECKING:
    from rich.console import Console

    from sessionwire.doctor.finding import Finding, Report

__all__ = ["show"]

_MARKS = {
    Severity.OK: ("✓", "green"),
    Severity.NOTE: ("·", "cyan"),
    Severity.WARNING: ("!", "yellow"),
    Severity.ERROR: ("✗", "bold red"),
}
_BAD = (Severity.WARNING, Severity.ERROR)
_TITLES = {
    "settings": "Settings",
    "machine": "This machine",
    "database": "MongoDB",
    "data": "The data",
    "web": "The public address",
    "session": "The session",
    "unfinished": "Not examined",
}
_WIDEST = 110
"""Prose that is wider is hard to read."""


def show(report: Report, console: Console, *, quiet: bool) -> None:
    """Print it; with `quiet` only warnings and errors."""
    width = min(console.width, _WIDEST)
    for area in AREAS:
        findings = [each for each in report.findings if each.area == area]
        if quiet:
            findings = [each for each in findings if each.severity in _BAD]
        if findings:
            console.print(Text(f"\n{_TITLES[area]}", style="bold"))
            for each in findings:
                _show(each, console, width)
    console.print()
    console.print(_summary(report))
    errors = [each.code for each in report.findings if each.severity is Severity.ERROR]
    if errors:
        # The first screen is gone by now: what to look for above.
        console.print(Text(f"✗ {', '.join(dict.fromkeys(errors))}", style="bold red"), width=width)


def _show(finding: Finding, console: Console, width: int) -> None:
    mark, style = _MARKS[finding.severity]
    head = Text(finding.code, style="dim" if finding.severity is Severity.OK else style)
    rows = Table.grid(padding=(0, 1))
    rows.add_column(width=1)
    rows.add_column(ratio=1, overflow="fold")
    rows.add_row(Text(mark, style=style), Text.assemble(head, "  ", finding.seen))
    if finding.severity is not Severity.OK:
        rows.add_row("", Text(finding.why, style="dim"))
    if finding.remedy:
        rows.add_row(Text("→", style="bold"), finding.remedy)
    console.print(Padding(rows, (0, 0, 0, 2)), width=width)
    for line in finding.command.splitlines():
        # Letter by letter, to be copied: a line that is too long is not broken.
        console.print(Text(f"      {line}", style="cyan"), soft_wrap=True)


def _summary(report: Report) -> Text:
    counts = report.counts
    parts = [
        Text(f"{counts[each]} {_plural(each, counts[each])}", style=_MARKS[each][1])
        for each in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
        if counts[each]
    ]
    parts.append(Text(f"{counts[Severity.OK]} ok", style="green"))
    return Text.assemble(Text(", ").join(parts), f", in {report.seconds:.1f} s")


def _plural(severity: Severity, count: int) -> str:
    return severity.value if count == 1 else f"{severity.value}s"
