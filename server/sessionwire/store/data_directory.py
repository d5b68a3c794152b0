"""What the embedded MongoDB keeps on disk: its data, its log, who owns them, which mongod ran."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from sessionwire.store.mongod import Trace

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DataDirectory"]

LOG_LIMIT = 10_000_000  # bytes
_TAIL = 64 * 1024  # bytes
_KEPT = 1_000_000  # bytes of a cut log that stay readable beside it


class DataDirectory:
    """`path` and the files in it. Every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.data = self.path / "mongodb"
        self.log = self.path / "mongod.log"
        self._trace = self.path / "mongod.json"
        self._lock = self.path / "owner.lock"
        self._descriptor: int | None = None

    def claim(self) -> bool:
        """Make the directory and become its owner; False while a live process owns it.

        The claim ends with `release`, or with this process, however it dies.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise
        self._descriptor = descriptor
        return True

    def owner(self) -> str:
        """The process id that the present owner wrote down; empty in its first microseconds."""
        return self._lock.read_text()

    def release(self) -> None:
        """Let go of it; nothing happens when it is not ours."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # Not by closing alone: a forked child may hold the same open file.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def is_decapitated(self) -> bool:
        """Whether WiredTiger's root file is gone from under the data.

        mongod would not complain: it would start empty, and the data would be lost quietly.
        """
        return (self.data / "_mdb_catalog.wt").exists() and not (
            self.data / "WiredTiger.turtle"
        ).exists()

    def remember(self, trace: Trace) -> None:
        """Write down which mongod runs here, in one step."""
        draft = self._trace.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(trace))
        draft.replace(self._trace)

    def remembered(self) -> Trace | None:
        """The mongod that ran here last, running or not."""
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._trace.read_bytes(), type=Trace)
        return None

    def free_space(self) -> int:
        """Bytes left on its disk."""
        return shutil.disk_usage(self.data).free

    def open_log(self) -> int:
        """A descriptor that appends to the log; the caller closes it."""
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def log_size(self) -> int:
        return self.log.stat().st_size

    def log_tail(self, since: int) -> str:
        """What was logged after `since` bytes, at most the last 64 KiB."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - _TAIL, since if since <= size else 0))
            return log.read().decode(errors="replace")

    def cut_log(self) -> None:
        """Empty a log beyond LOG_LIMIT, also under a running mongod; its end stays in `.log.1`."""
        if self.log_size() > LOG_LIMIT:
            with self.log.open("rb") as log:
                log.seek(-_KEPT, os.SEEK_END)
                self.log.with_suffix(".log.1").write_bytes(log.read())
            os.truncate(self.log, 0)
