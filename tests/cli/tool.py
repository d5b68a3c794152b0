"""`sessionwire` as a program of its own, whose lines a test waits for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.process import _environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["Tool", "running_tool"]


@dataclass
class Tool:
    """One run; `out` and `err` grow while it runs."""

    process: asyncio.subprocess.Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    _spoke: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._spoke:
                lines.append(line.decode().rstrip("\n"))
                self._spoke.notify_all()

    async def until(self, condition: Callable[[], bool], *, within: float = 60.0) -> None:
        try:
            async with asyncio.timeout(within), self._spoke:
                await self._spoke.wait_for(condition)
        except TimeoutError:
            raise AssertionError("\n".join([*self.out, *self.err])) from None

    async def says(self, text: str) -> None:
        """Wait until standard error has it."""
        await self.until(lambda: any(text in each for each in self.err))

    async def prints(self, *texts: str) -> None:
        """Wait until one line of standard output has them all."""
        await self.until(lambda: any(all(t in each for t in texts) for each in self.out))

    async def press_enter(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def interrupt(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.ends()

    async def ends(self) -> int:
        async with asyncio.timeout(30):
            return await self.process.wait()


def _interruptible() -> None:
    """A shell has its background jobs ignore Ctrl-C, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.asynccontextmanager
async def running_tool(directory: Path, *arguments: str, **environment: str) -> AsyncIterator[Tool]:
    """Run it in the directory until the block ends; keywords are SESSIONWIRE_ settings."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sessionwire", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=directory,
        env={**_environment(environment), "COLUMNS": "150", "PATH": os.environ["PATH"]},
        limit=1 << 20,
        preexec_fn=_interruptible,
    )
    tool = Tool(process)
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.TaskGroup() as group:
            reading = [
                group.create_task(tool.read(process.stdout, tool.out)),
                group.create_task(tool.read(process.stderr, tool.err)),
            ]
            try:
                yield tool
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await asyncio.wait(reading)
    finally:
        if process.returncode is None:
            process.kill()
