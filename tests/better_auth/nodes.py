"""Programs in Node that the tests run: scripts that end, and a server that is ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Ended", "run_script", "serving"]

_SCRIPTS = Path(__file__).parents[1] / "node" / "better_auth"
_HELD = re.compile(r"^checks that held: (\d+)$", re.MULTILINE)

_STARTED_WITHIN = 30.0


@dataclass(frozen=True)
class Ended:
    """How a script ended, and what it said."""

    code: int
    said: str

    @property
    def held(self) -> int:
        """How many of its checks held."""
        found = _HELD.search(self.said)
        return int(found[1]) if found else 0


async def run_script(name: str, **environment: str) -> Ended:
    """Run it to its end."""
    process = await _started(name, (), environment, stderr=asyncio.subprocess.STDOUT)
    try:
        said, _ = await process.communicate()
    finally:
        await _end(process)
    assert process.returncode is not None
    return Ended(process.returncode, said.decode(errors="replace"))


@contextlib.asynccontextmanager
async def serving(name: str, *arguments: str, log: Path, **environment: str) -> AsyncIterator[str]:
    """A script that says one line when it is ready, and serves until the block ends.

    The line is its address, if it chooses that itself. It complains in `log`.
    """
    with log.open("wb") as complaints:
        process = await _started(name, arguments, environment, stderr=complaints.fileno())
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_STARTED_WITHIN):
            line = await process.stdout.readline()
        assert line, f"it did not start: see {log}"
        yield line.decode().strip()
    finally:
        await _end(process)


async def _started(
    name: str, arguments: tuple[str, ...], environment: dict[str, str], *, stderr: int
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "node",
        "--test-reporter=spec",
        str(_SCRIPTS / name),
        *arguments,
        cwd=_SCRIPTS,
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()
