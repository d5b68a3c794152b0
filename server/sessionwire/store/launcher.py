"""Becomes the program it is given, tied to the life of the process that asked for it.

Run as a script: `launcher.py PARENT_PID PROGRAM ARGUMENT…`. It is not a `preexec_fn`, because
Python code between fork and exec may deadlock in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

__all__ = ["main"]

PR_SET_PDEATHSIG = 1
OPEN_FILES = 64_000  # what mongod asks for; with the usual 1024 it would take 400 clients


def main() -> None:
    """Replace this process by the program; it gets SIGTERM when the launching thread ends."""
    parent, program, *arguments = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"cannot be tied to its parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the parent ended before the launch")
    _raise_file_limit()
    try:
        os.execv(program, [program, *arguments])
    except OSError as error:
        sys.exit(f"cannot execute {program}: {error.strerror}")


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
