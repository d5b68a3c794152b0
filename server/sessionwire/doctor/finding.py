"""What the doctor says: a finding, and the report of all of them. Its JSON is an interface."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from sessionwire.doctor.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "Report", "Severity", "found", "report_of"]


class Severity(StrEnum):
    """From good to bad; only an error makes the exit code 1."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    code: str
    """Stable, kebab-case; docs/troubleshooting.md lists all."""
    severity: Severity
    area: str
    """settings, machine, database, data, web, session or unfinished."""
    seen: str
    """What was seen, with the measured figure."""
    why: str
    """Why it matters."""
    remedy: str = ""
    """What to do, in a sentence; empty when nothing is to be done."""
    command: str = ""
    """Lines to copy; often empty."""


class Report(msgspec.Struct, frozen=True):
    """Everything that one run found."""

    sessionwire: str
    """Its version."""
    exit_code: int
    """0: no error; 1: an error; 2: no error seen, but something could not be examined."""
    seconds: float
    counts: dict[str, int]
    findings: list[Finding]


def found(
    code: str, severity: Severity, seen: str, *, remedy: str = "", command: str = ""
) -> Finding:
    """A finding of this code, which says by itself why it matters."""
    entry = CATALOGUE[code]
    assert severity in entry.severities, (code, severity)
    return Finding(code, severity, entry.area, seen, entry.why, remedy, command)


def report_of(findings: Iterable[Finding], *, version: str, seconds: float) -> Report:
    """The report, its findings in the order of areas as they were found."""
    kept = list(findings)
    counts = {each.value: sum(f.severity is each for f in kept) for each in Severity}
    unfinished = any(each.code == "check-unfinished" for each in kept)
    code = 1 if counts["error"] else 2 if unfinished else 0
    return Report(version, code, round(seconds, 3), counts, kept)
