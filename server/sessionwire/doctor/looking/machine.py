"""This machine: its limits, its Python and libraries, and the mongod that would be embedded."""

from __future__ import annotations

import importlib.metadata
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from sessionwire.doctor.facts import MachineSeen, MongodSeen
from sessionwire.errors import StartupError
from sessionwire.store.embedded import find_mongod

__all__ = ["look_at_machine", "look_at_mongod"]

_LOADER_SECONDS = 5
_TOLD = re.compile(r"lib(curl|ssl|crypto)\.so")


def look_at_machine(libraries: tuple[str, ...], data_dir: Path | None) -> MachineSeen:
    """`libraries` are looked up by name; `data_dir` is where an embedded MongoDB keeps its data."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MachineSeen(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        libraries=tuple((name, found) for name in libraries if (found := _installed(name))),
        open_files=_bounded(soft),
        open_files_hard=_bounded(hard),
        somaxconn=_somaxconn(),
        free_bytes=None if data_dir is None else _free(data_dir),
    )


def look_at_mongod() -> MongodSeen:
    """Which program it is, and whether the loader finds everything that it needs."""
    try:
        program = find_mongod(None, os.environ)
    except StartupError as error:
        return MongodSeen(fault=(error.message, error.remedy))
    lines = _loader(program)
    missing = tuple(line.split()[0] for line in lines if "not found" in line)
    told = tuple(" ".join(line.split()[:3]) for line in lines if _TOLD.search(line))
    return MongodSeen(str(program), missing=missing, libraries=told)


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _bounded(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _somaxconn() -> int | None:
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):
        return None


def _free(data_dir: Path) -> int:
    """On the disk of the directory, or of the nearest one above it that exists."""
    path = data_dir.resolve()
    return shutil.disk_usage(next(each for each in (path, *path.parents) if each.exists())).free


def _loader(program: Path) -> list[str]:
    """What ldd prints; nothing where there is none, or it is at a loss."""
    try:
        done = subprocess.run(
            ["ldd", str(program)],
            capture_output=True,
            text=True,
            timeout=_LOADER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if "=>" in line]
