"""What the machine and the installed libraries mean."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.doctor.facts import MachineSeen, MongodSeen

__all__ = ["LIBRARY_FLOORS", "judge_machine", "judge_mongod", "version_of"]

_SPARE_FILES = 200
"""For MongoDB's connections, logs, and what Python holds open."""
_LEAST_SPACE = 2_000_000_000

LIBRARY_FLOORS: dict[str, tuple[str, str]] = {
    "starlette": ("1.3.1", "CVE-2026-48710: a Host header changes the path that is checked"),
    "uvicorn": ("0.54.0", "before 0.52.1 nothing stopped it from queueing frames without bound"),
    "httptools": ("0.6.4", "it reads the requests"),
    "websockets": ("15.0", "it reads the frames"),
    "h11": ("0.16.0", "CVE-2025-43859: requests hidden in chunks"),
    "pymongo": ("4.18.2", "PYSEC-2026-4296: a write beyond memory while encoding"),
    "itsdangerous": ("2.2.0", "it signs the cookies"),
    "authlib": ("1.9.0", "PYSEC-2026-4357: a nonce that is not compared"),
    "python-multipart": ("0.0.32", "CVE-2026-24486 and others"),
}
"""The oldest version that is good enough, and what was wrong before (https://osv.dev)."""

_PYTHON_ENDS = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
}
"""https://devguide.python.org/versions/"""


def judge_machine(
    seen: MachineSeen, *, connections: int, backlog: int, today: date, production: bool
) -> Iterator[Finding]:
    """`connections` is limits.connections, `backlog` what serve listens with."""
    yield from _judge_files(seen, connections, production=production)
    if seen.somaxconn is not None:
        said = f"somaxconn is {seen.somaxconn}, and serve listens with {backlog}."
        short = seen.somaxconn < backlog
        yield found(
            "listen-backlog",
            Severity.NOTE if short else Severity.OK,
            said,
            remedy="Raise it, for good in /etc/sysctl.d/." if short else "",
            command=f"sysctl -w net.core.somaxconn={backlog}" if short else "",
        )
    yield from _judge_python(seen, today)
    old = list(_old_libraries(seen))
    yield from old
    if not old:
        names = ", ".join(f"{name} {version}" for name, version in seen.libraries)
        yield found("library-version", Severity.OK, names)
    if seen.free_bytes is not None:
        yield from _judge_disk(seen.free_bytes)


def judge_mongod(seen: MongodSeen) -> Iterator[Finding]:
    """The program of the embedded MongoDB, where there is no URI."""
    if seen.fault is not None:
        said, remedy = seen.fault
        yield found("embedded-mongod", Severity.ERROR, _sentence(said), remedy=_sentence(remedy))
        return
    yield found("embedded-mongod", Severity.OK, seen.path)
    if seen.missing:
        yield found(
            "embedded-libraries",
            Severity.ERROR,
            f"{', '.join(seen.missing)} not found for {seen.path}.",
            remedy="Install them, or set SESSIONWIRE_MONGODB_URI.",
            command="apt-get install libcurl4 libssl3",
        )
    elif seen.libraries:
        yield found("embedded-libraries", Severity.OK, ", ".join(seen.libraries))


def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers of a version; a suffix such as `rc1` ends them."""
    numbers: list[int] = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def _judge_files(seen: MachineSeen, connections: int, *, production: bool) -> Iterator[Finding]:
    wanted = connections + _SPARE_FILES
    said = f"{seen.open_files} open files, and limits.connections is {connections}."
    if seen.open_files >= wanted:
        yield found("open-files", Severity.OK, said)
        return
    possible = seen.open_files_hard >= wanted
    least = max(1, seen.open_files - _SPARE_FILES)
    yield found(
        "open-files",
        Severity.WARNING if production else Severity.NOTE,
        said,
        remedy="Raise it where serve is started (systemd: LimitNOFILE), or take fewer connections.",
        command=f"ulimit -n {wanted}"
        if possible
        else f"export SESSIONWIRE_LIMITS__CONNECTIONS={least}",
    )


def _judge_python(seen: MachineSeen, today: date) -> Iterator[Finding]:
    name = ".".join(map(str, seen.python))
    ends = _PYTHON_ENDS.get(seen.python[:2])
    if ends is not None and ends < today:
        said = f"Python {name}; its branch ended on {ends.isoformat()}."
        remedy = "Use a branch that is kept: https://devguide.python.org/versions/"
        yield found("python-version", Severity.WARNING, said, remedy=remedy)
    else:
        yield found("python-version", Severity.OK, f"Python {name}")


def _old_libraries(seen: MachineSeen) -> Iterator[Finding]:
    for name, version in seen.libraries:
        floor, reason = LIBRARY_FLOORS.get(name, ("0", ""))
        if version_of(version) < version_of(floor):
            yield found(
                "library-version",
                Severity.ERROR,
                f"{name} {version} is older than {floor}: {reason}.",
                remedy="Upgrade it where serve runs.",
                command=f"pip install '{name}>={floor}'",
            )


def _judge_disk(free: int) -> Iterator[Finding]:
    said = f"{free / 1e9:.1f} GB free where the embedded MongoDB keeps its data."
    if free >= _LEAST_SPACE:
        yield found("disk-space", Severity.OK, said)
    else:
        remedy = "Free some, or name another directory."
        command = "export SESSIONWIRE_DATA_DIR=/a/larger/disk/sessionwire"
        yield found("disk-space", Severity.WARNING, said, remedy=remedy, command=command)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
