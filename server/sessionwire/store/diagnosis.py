"""What a mongod that would not start died of, and what to do about it: pure, one table."""

from __future__ import annotations

import enum
import errno
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionwire.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Failure", "Kind", "Site", "diagnose", "explain", "explain_os_error", "summary"]

_ELSEWHERE = "set SESSIONWIRE_MONGOD to another mongod, or SESSIONWIRE_MONGODB_URI to a replica set"
_OTHER_DIRECTORY = "choose another directory with --data-dir or SESSIONWIRE_DATA_DIR"
_LEAST_SPACE = 1_000_000  # bytes


class Kind(enum.Enum):
    LIBRARY_MISSING = enum.auto()
    SYSTEM_TOO_OLD = enum.auto()
    NOT_EXECUTABLE = enum.auto()
    PROCESSOR_TOO_OLD = enum.auto()
    ARGUMENTS = enum.auto()
    PORT_TAKEN = enum.auto()
    DIRECTORY_LOCKED = enum.auto()
    DISK_FULL = enum.auto()
    NOT_PERMITTED = enum.auto()
    OTHER_VERSION = enum.auto()
    DAMAGED = enum.auto()
    KILLED = enum.auto()
    SLOW = enum.auto()
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """`detail` is what the kind is about (a library, an option), or mongod's own last words."""

    kind: Kind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where it was tried: what a remedy has to name."""

    program: Path
    data: Path
    log: Path
    port: int


# The first row wins whose exit code (minus a signal) or whose pattern fits. Patterns see only
# what was printed as plain text or logged as an error: information quotes other people's words.
_TABLE: tuple[tuple[Kind, int | None, str | None], ...] = (
    (Kind.LIBRARY_MISSING, None, r"error while loading shared libraries: ([^\s:]+)"),
    (Kind.SYSTEM_TOO_OLD, None, r"version `(\w+_[\d.]+)' not found"),
    (Kind.NOT_EXECUTABLE, None, r"^cannot execute (.+)"),
    (Kind.PROCESSOR_TOO_OLD, -4, None),
    (Kind.ARGUMENTS, 2, r"Error parsing command line: (.+)"),
    (Kind.PORT_TAKEN, None, r"Address already in use"),
    (Kind.DIRECTORY_LOCKED, None, r"Another mongod instance is already running"),
    (Kind.DISK_FULL, None, r"No space left on device|Disk quota exceeded"),
    (Kind.NOT_PERMITTED, None, r"Permission denied|Operation not permitted|Read-only file system"),
    (Kind.OTHER_VERSION, 62, r"UPGRADE PROBLEM|Wrong mongod version"),
    (Kind.OTHER_VERSION, None, r"Version incompatibility|unsupported WiredTiger file version"),
    (Kind.DAMAGED, None, r"WT_TRY_SALVAGE|WT_PANIC|corrupt|MongoDB with --repair"),
    (Kind.DAMAGED, None, r"Unable to read the storage engine metadata|\"msg\":\"Terminating\.\""),
    (Kind.KILLED, -9, None),
)

_PACKAGES = {
    "libcrypto.so.3": "libssl3",
    "libcurl.so.4": "libcurl4",
    "libgcc_s.so.1": "libgcc-s1",
    "liblzma.so.5": "liblzma5",
    "libssl.so.3": "libssl3",
}

# The message and the remedy of each kind.
_TEXTS: dict[Kind, tuple[str, str]] = {
    Kind.LIBRARY_MISSING: ("{program} needs the library {detail}", "{package}, or {elsewhere}"),
    Kind.SYSTEM_TOO_OLD: (
        "{program} needs {detail}, which this system does not have",
        "use Debian 12, Ubuntu 22.04 or newer, or {elsewhere}",
    ),
    Kind.NOT_EXECUTABLE: ("mongod cannot be executed: {detail}", "{elsewhere}"),
    Kind.PROCESSOR_TOO_OLD: ("this processor cannot run {program} (no AVX?)", "{elsewhere}"),
    Kind.ARGUMENTS: (
        "{program} refuses its arguments: {detail}",
        "correct the extra arguments, or, if it is older than MongoDB 5.0, {elsewhere}",
    ),
    Kind.PORT_TAKEN: (
        "port {port} of 127.0.0.1 is taken by another program",
        "end that program (`ss -ltnp 'sport = :{port}'` names it), or choose another port",
    ),
    Kind.DIRECTORY_LOCKED: (
        "a mongod that is not ours runs over {data}",
        "end it (its process id is in {data}/mongod.lock), or {other_directory}",
    ),
    Kind.DISK_FULL: (
        "no space is left on the disk of {data}",
        "free some there, or {other_directory}",
    ),
    Kind.NOT_PERMITTED: (
        "mongod may not use {data} or port {port}: {detail}",
        "give {data} to this user with chown -R, and use a port above 1023",
    ),
    Kind.OTHER_VERSION: (
        "the data in {data} is of another version of MongoDB than {program}: {detail}",
        "use a mongod of that version (SESSIONWIRE_MONGOD), or move {data} away; the log is {log}",
    ),
    Kind.DAMAGED: (
        "the data in {data} is damaged: {detail}",
        "restore {data} from a backup, or move it away to start empty; the log is {log}",
    ),
    Kind.KILLED: (
        "mongod was killed while it started, perhaps for want of memory",
        "give it 512 MB more, and start again; the log is {log}",
    ),
    Kind.SLOW: (
        "mongod was not ready in time; its last words: {detail}",
        "read {log}, and start again",
    ),
    Kind.UNKNOWN: ("mongod does not start: {detail}", "read {log}, or {elsewhere}"),
}


def diagnose(code: int, tail: str, *, free: int) -> Failure:
    """Why mongod ended with `code`.

    `tail` is what this launch wrote to the log, or its end; `free` is the bytes left on the disk,
    because the log of a mongod that fills it is cut short too.
    """
    complaints = "\n".join(line for line in tail.splitlines() if _is_complaint(line))
    for kind, exit_code, pattern in _TABLE:
        found = re.search(pattern, complaints, re.MULTILINE) if pattern else None
        if found or code == exit_code:
            return Failure(kind, found[1] if found and found.re.groups else summary(tail))
    if free < _LEAST_SPACE:
        return Failure(Kind.DISK_FULL)
    return Failure(Kind.UNKNOWN, f"it ended with {code}: {summary(tail)}")


def summary(tail: str) -> str:
    """One line of mongod's last words, complaints preferred; at most 610 characters."""
    lines = [line for line in tail.splitlines() if _entry(line).get("c") != "ASSERT"]
    chosen = [line for line in lines if _is_complaint(line)] or lines
    spoken = [" ".join(_words(line).split())[:200] for line in chosen[-3:]]
    return " | ".join(words for words in spoken if words) or "it said nothing"


def explain(failure: Failure, site: Site) -> StartupError:
    """The failure in the operator's words, with the exact remedy."""
    words = {
        "detail": failure.detail,
        "program": site.program,
        "data": site.data,
        "log": site.log,
        "port": site.port,
        "package": _package(failure.detail),
        "elsewhere": _ELSEWHERE,
        "other_directory": _OTHER_DIRECTORY,
    }
    message, remedy = _TEXTS[failure.kind]
    return StartupError(message.format_map(words), remedy=remedy.format_map(words))


def explain_os_error(error: OSError, directory: Path) -> StartupError:
    """The same for what our own files in `directory` met before mongod was reached."""
    name = error.filename or directory
    match error.errno:
        case errno.EEXIST:
            problem, remedy = f"{name} is a file, not a directory", "move it away"
        case errno.ENOTDIR:
            problem, remedy = f"a part of {name} is a file, not a directory", "move that away"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            problem = f"{name} cannot be made or written by this user"
            remedy = "correct its owner or mode with chown or chmod"
        case errno.ENOSPC | errno.EDQUOT:
            problem, remedy = f"no space is left on the disk of {name}", "free some there"
        case _:
            problem, remedy = f"{name} cannot be used: {error.strerror}", "correct that"
    return StartupError(problem, remedy=f"{remedy}, or {_OTHER_DIRECTORY}")


def _package(library: str) -> str:
    package = _PACKAGES.get(library)
    return f"apt-get install {package}" if package else f"install the package that has {library}"


def _is_complaint(line: str) -> bool:
    """Errors and fatal ones of mongod's JSON log, and all that is not JSON."""
    entry = _entry(line)
    return entry.get("s") in ("E", "F") if entry else bool(line.strip())


def _words(line: str) -> str:
    entry = _entry(line)
    if not entry:
        return line
    return ": ".join(str(part) for part in (entry.get("msg", ""), *_reasons(entry)) if part)


def _reasons(entry: dict[str, Any]) -> Iterator[Any]:
    """What mongod gives as the reason, wherever it puts it."""
    attributes = entry.get("attr", {})
    for place in ("error", "reason", "message"):
        value = attributes.get(place)
        if isinstance(value, dict):
            yield " ".join(str(value[k]) for k in ("errmsg", "msg", "error_str") if k in value)
        elif isinstance(value, str):
            yield value


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
