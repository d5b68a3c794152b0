"""What Linux says of a process: its CPU time, its memory; and on which core it may run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LOAD", "SERVER", "cpu_seconds", "family", "resident", "settle"]

_CORES = sorted(os.sched_getaffinity(0))
SERVER = frozenset(_CORES[-1:])
"""The core of the server under test."""
LOAD = frozenset(_CORES[:1])
"""The core of what makes the load, and checks it."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """The process and everything under it."""
    parents = {int(each.name): _parent(each) for each in Path("/proc").glob("[0-9]*")}
    found, added = [pid], [pid]
    while added:
        added = [child for child, parent in parents.items() if parent in added]
        found += added
    return found


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def cpu_seconds(pids: Iterable[int]) -> float:
    """Time on a core so far, of all threads, to the nanosecond; see proc(5), schedstat."""
    threads = [each for pid in pids for each in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory in use."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in pids)


def settle(pid: int, cores: Iterable[int]) -> None:
    """Keep the process and all its threads on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
