"""Where the mongod program is: named by the operator, on PATH, or in the wheel of `[embedded]`."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sessionwire.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_mongod"]

_ELSEWHERE = (
    "set SESSIONWIRE_MONGODB_URI to a MongoDB replica set, "
    "or SESSIONWIRE_MONGOD to the path of a mongod program"
)


def find_mongod(explicit: Path | None, environment: Mapping[str, str]) -> Path:
    """The absolute path of an executable mongod.

    `explicit` wins, then SESSIONWIRE_MONGOD, then PATH (both read from `environment`), then the
    wheel. What is named is used or refused, never replaced. Raises StartupError.
    """
    named = explicit or environment.get("SESSIONWIRE_MONGOD")
    if named:
        return _executable(Path(named).expanduser().absolute())
    on_path = shutil.which("mongod", path=environment.get("PATH", ""))
    if on_path:
        return Path(on_path).absolute()
    packaged = _in_wheel()
    if packaged is None:
        raise StartupError("no mongod was found to embed", remedy=_installation())
    return _executable(packaged)


def _executable(program: Path) -> Path:
    if not program.is_file():
        raise StartupError(
            f"there is no mongod at {program}", remedy=f"correct it, or {_ELSEWHERE}"
        )
    if not os.access(program, os.X_OK):
        raise StartupError(f"{program} is not executable", remedy=f"chmod +x {program}")
    return program


def _in_wheel() -> Path | None:
    # `fiftyone` alone is looked up: for a dotted name, find_spec would import the parent.
    spec = importlib.util.find_spec("fiftyone")
    for location in (spec and spec.submodule_search_locations) or ():
        program = Path(location) / "db" / "bin" / "mongod"
        if program.is_file():
            return program
    return None


def _installation() -> str:
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return f"pip install 'sessionwire[embedded]', or {_ELSEWHERE}"
    return f"the packaged mongod is for Linux x86-64 only: {_ELSEWHERE}"
