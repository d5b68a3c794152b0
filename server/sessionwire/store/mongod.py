"""One mongod process: its command line, its launch, its end, and how to know it again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["HOST", "SET_NAME", "Mongod", "Trace", "accepts", "command_line", "free_port", "is_free"]

HOST = "127.0.0.1"
SET_NAME = "sessionwire"
STOP_SECONDS = 15.0  # a clean end takes 1 s; after a SIGKILL the journal is replayed
_POLL_SECONDS = 0.05
_LAUNCHER = Path(__file__).with_name("launcher.py")
_INHERITED = frozenset(
    "PATH HOME USER LOGNAME LANG LC_ALL TZ TMPDIR LD_LIBRARY_PATH GLIBC_TUNABLES".split()
)


class Trace(msgspec.Struct, frozen=True):
    """What a later server needs to recognise this mongod; `started` is in ticks since boot."""

    pid: int
    started: int
    boot: str
    port: int

    def is_running(self, data: Path) -> bool:
        """Whether this very process still runs, as a mongod over `data`."""
        return (
            self.boot == _boot_id()
            and self.started == _start_ticks(self.pid)
            and str(data) in _arguments(self.pid)
        )

    async def end(self, data: Path) -> None:
        """End it if it still runs: SIGTERM, then SIGKILL after STOP_SECONDS."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running(data):
                return
            os.kill(self.pid, sign)
            await _until(lambda: not self.is_running(data), STOP_SECONDS)


class Mongod:
    """A mongod that is our child and never outlives the thread that launched it.

    Its end is polled for: the events for that differ between event loops and kernels, and the
    launch has to be one uninterruptible step, so that a cancellation never loses a process.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def launch(cls, command: Sequence[str], *, log: int, environment: Mapping[str, str]) -> Mongod:
        """Start `command`, both outputs appended to the descriptor `log`. Raises OSError.

        Of `environment` it gets only what a mongod needs, so none of our secrets. It gets a
        session of its own: Ctrl-C is for the server, which then stops it in order.
        """
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *command],
            env={name: value for name, value in environment.items() if name in _INHERITED},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal when it died of one."""
        return self._process.poll()

    def trace(self, port: int) -> Trace:
        return Trace(self.pid, _start_ticks(self.pid) or 0, _boot_id(), port)

    async def end(self) -> None:
        """End it and wait: SIGTERM, then SIGKILL after STOP_SECONDS, or at once if cancelled."""
        self._process.terminate()
        try:
            await _until(lambda: self.exit_code() is not None, STOP_SECONDS)
        finally:
            if self.exit_code() is None:
                self._process.kill()
                self._process.wait()


def command_line(program: Path, data: Path, port: int, extra: Sequence[str]) -> list[str]:
    """A small single node; `extra` goes last.

    Its log is its standard output: so are the loader's and the launcher's complaints, and a file
    opened for appending can be cut while it is written. The journal is not preallocated, at no
    measurable cost: 50 MB of disk for a new directory instead of 320.
    """
    return [
        str(program),
        *("--dbpath", str(data)),
        *("--bind_ip", HOST, "--port", str(port), "--nounixsocket"),
        *("--replSet", SET_NAME, "--oplogSize", "256"),
        *("--journalCommitInterval", "2", "--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=32MB)"),
        *("--networkMessageCompressors", "snappy,zstd"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet"),
        *extra,
    ]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Whether somebody, perhaps not our mongod, listens there."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 (nobody would set an event)
                await asyncio.sleep(_POLL_SECONDS)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> int | None:
    """The start time of a live process, None of an ended one or a zombie: see proc(5), stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
