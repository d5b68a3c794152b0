"""A check, and running many of them: each within its own time, none hiding another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.store.examination.node import brief
from sessionwire.store.examination.reach import without_password

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

__all__ = ["Check", "run_checks", "unfinished"]


@dataclass(frozen=True, slots=True)
class Check:
    """`run` looks and judges; it has `within` seconds."""

    name: str
    run: Callable[[], Awaitable[Iterable[Finding]]]
    within: float = 10.0


async def run_checks(checks: Sequence[Check]) -> list[Finding]:
    """All of them at once; their findings in the order of the checks."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(_run(each)) for each in checks]
    return [finding for each in running for finding in each.result()]


def unfinished(name: str, said: str) -> Finding:
    """A check that came to no end; what it was to look at is unknown."""
    remedy = "See the other findings first; then run the doctor again."
    shown = without_password(f"{name}: {said}")
    return found("check-unfinished", Severity.WARNING, shown, remedy=remedy)


async def _run(check: Check) -> list[Finding]:
    try:
        async with asyncio.timeout(check.within):
            return list(await check.run())
    except TimeoutError:
        return [unfinished(check.name, f"not done within {check.within:g} s.")]
    except Exception as error:  # the outermost shell of a check
        return [unfinished(check.name, f"{type(error).__name__}: {brief(error)}")]
