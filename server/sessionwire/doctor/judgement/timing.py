"""What clocks, the oplog and the journal mean."""

from __future__ import annotations

import statistics
from datetime import timedelta
from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.store.examination.facts import Clock, Commits, Oplog

__all__ = ["judge_clock", "judge_commits", "judge_oplog"]

_BELIEVED = 60.0
"""policy.cookies: a version further ahead than this is not believed."""
_NOTICEABLE = 2.0
_LEAST_WINDOW = timedelta(minutes=10)
_GOOD_WINDOW = timedelta(hours=24)
_FULL = 0.85
_TELLING = timedelta(hours=1)
_SLOW_MS = 30.0
_STALLED_MS = 500.0
_SHORT_MS = 10
_WANTED_INTERVAL = 2


def judge_clock(clock: Clock) -> Iterator[Finding]:
    """The skew, of which the uncertainty is taken off before it counts."""
    ahead = "ahead of" if clock.offset > 0 else "behind"
    said = (
        f"MongoDB's clock is {_seconds(abs(clock.offset))} {ahead} this machine's"
        f" (± {_seconds(clock.uncertainty)})."
    )
    sure = abs(clock.offset) - clock.uncertainty
    if sure <= _NOTICEABLE:
        yield found("clock-skew", Severity.OK, said)
    else:
        yield found(
            "clock-skew",
            Severity.ERROR if sure > _BELIEVED else Severity.WARNING,
            said,
            remedy="Let both machines follow NTP.",
            command="timedatectl set-ntp true && timedatectl timesync-status",
        )
    if clock.cluster_ahead - max(clock.offset, 0.0) > _BELIEVED:  # else the skew explains it
        yield found(
            "cluster-time-ahead",
            Severity.ERROR,
            f"The cluster time is {clock.cluster_ahead:.0f} s ahead of this machine's clock.",
            remedy="Correct all members' clocks; cluster time waits until they have caught up.",
            command="mongosh --eval 'db.hello().operationTime'",
        )


def judge_oplog(oplog: Oplog | None) -> Iterator[Finding]:
    """None: it may not be read."""
    if oplog is None:
        yield found(
            "oplog-window",
            Severity.NOTE,
            "The user may not read how far the oplog reaches.",
            remedy="For the doctor only, let a user with clusterMonitor ask.",
            command="mongosh --eval 'db.getReplicationInfo()'",
        )
        return
    span = max(oplog.last, oplog.now) - oplog.first
    if oplog.used is None or oplog.limit is None:
        yield _window(span, f"The oplog reaches back {_duration(span)}; its size is not readable.")
        return
    used, limit = oplog.used, oplog.limit
    size = f"{_bytes(used)} of {_bytes(limit)} hold the last {_duration(span)}"
    if used >= _FULL * limit:
        hours = max(span.total_seconds(), 1.0) / 3600
        yield _window(span, f"{size}, at {_bytes(used / hours)} an hour.")
    elif span < _TELLING:
        yield found("oplog-window", Severity.OK, f"{size}: too young to tell, and far from full.")
    else:
        expected = span * (limit / max(used, 1))
        yield _window(expected, f"{size}: at this rate it will reach back {_duration(expected)}.")


def _window(window: timedelta, said: str) -> Finding:
    if window >= _GOOD_WINDOW:
        return found("oplog-window", Severity.OK, said)
    return found(
        "oplog-window",
        Severity.ERROR if window < _LEAST_WINDOW else Severity.WARNING,
        said,
        remedy="Make it larger, so that it reaches back a day (megabytes, on every member).",
        command="mongosh --eval 'db.adminCommand({replSetResizeOplog: 1, size: 16000,"
        " minRetentionHours: 24})'",
    )


def judge_commits(commits: Commits) -> Iterator[Finding]:
    """What other programs' `w: 1` writes wait for."""
    if commits.fault is not None:
        yield found(
            "commit-probe-failed",
            Severity.WARNING,
            f"The probe did not end: {commits.fault}",
            remedy="See the findings about permissions and members.",
        )
    interval = commits.interval_ms
    known = "" if interval is None else f"; journalCommitInterval is {interval} ms"
    if not commits.waits_ms:
        yield _unmeasured(interval)
        return
    middle = statistics.median(commits.waits_ms)
    how = "writes of the probe" if commits.probed else "writes of other programs"
    said = (
        f"{len(commits.waits_ms)} {how} took {middle:.1f} ms (median,"
        f" {max(commits.waits_ms):.1f} at most) until their event could come{known}."
    )
    if middle <= _SLOW_MS:
        yield found("commit-wait", Severity.OK, said)
    elif middle > _STALLED_MS:
        remedy = "See the lag of the members (rs.printSecondaryReplicationInfo()) and their disks."
        yield found("commit-wait", Severity.WARNING, said, remedy=remedy)
    elif interval is not None and interval <= _SHORT_MS:
        remedy = "The journal is flushed often enough: see the load of MongoDB's machine and disk."
        yield found("commit-wait", Severity.NOTE, said, remedy=remedy)
    else:
        yield _interval(said)


def _unmeasured(interval: int | None) -> Finding:
    if interval is None:
        said = "Nobody wrote meanwhile, and journalCommitInterval may not be read."
        return found(
            "commit-wait", Severity.NOTE, said, remedy="Run doctor --write, which writes a probe."
        )
    said = f"Nobody wrote meanwhile; journalCommitInterval is {interval} ms."
    return found("commit-wait", Severity.OK, said) if interval <= _SLOW_MS else _interval(said)


def _interval(said: str) -> Finding:
    """The default of 100 ms shows as about 86 ms; 2 ms as about 2."""
    return found(
        "commit-wait",
        Severity.NOTE,
        said,
        remedy="Flush the journal more often (now, and in mongod.conf:"
        " storage.journal.commitIntervalMs), or let those programs write with w: majority.",
        command="mongosh --eval 'db.adminCommand({setParameter: 1,"
        f" journalCommitInterval: {_WANTED_INTERVAL}}})'",
    )


def _duration(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"
