"""What kind of MongoDB it is: members, versions, options."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.store.examination.facts import Concerns, Members, Release, UriOptions

__all__ = ["VULNERABILITIES", "judge_concerns", "judge_members", "judge_options", "judge_release"]


@dataclass(frozen=True, slots=True)
class _Vulnerability:
    """`fixed` are the first good versions of each branch; a branch that is not named and not newer
    than all of them never got the fix."""

    id: str
    fixed: tuple[tuple[int, int, int], ...]
    first: tuple[int, int]
    """The oldest branch that is known to have it."""
    said: str
    source: str
    compressor: str = ""
    """It needs this network compressor."""


VULNERABILITIES = (
    _Vulnerability(
        "CVE-2025-14847",
        ((4, 4, 30), (5, 0, 32), (6, 0, 27), (7, 0, 28), (8, 0, 17), (8, 2, 3)),
        (3, 6),
        "whoever reaches the port reads its memory, through zlib, without a password",
        "https://jira.mongodb.org/browse/SERVER-115508",
        compressor="zlib",
    ),
    _Vulnerability(
        "CVE-2026-9740",
        ((7, 0, 35), (8, 0, 24), (8, 2, 10), (8, 3, 3)),
        (7, 0),
        "whoever reaches the port ends the process, without a password",
        "https://nvd.nist.gov/vuln/detail/CVE-2026-9740",
    ),
)

_ENDS = {
    (5, 0): date(2024, 10, 31),
    (6, 0): date(2025, 7, 31),
    (7, 0): date(2027, 8, 31),
    (8, 0): date(2029, 10, 31),
    (8, 2): date(2026, 7, 31),
}
"""https://www.mongodb.com/legal/support-policy/lifecycles"""


_STUCK = 10.0
"""Seconds; the primary writes by itself every ten when nobody else does."""


def judge_release(
    release: Release, *, today: date, loopback: bool, embedded: bool
) -> Iterator[Finding]:
    """`loopback`: whether only this machine reaches it, so that a fault is nobody's but ours."""
    name = ".".join(map(str, release.version))
    offered = ", ".join(release.compressors) or "no compressor"
    yield found("server-version", Severity.OK, f"MongoDB {name}, which agrees to {offered}.")
    ends = _ENDS.get((release.version[0], release.version[1]))
    if ends is not None and ends < today:
        said = f"MongoDB {name}; its branch ended on {ends.isoformat()}."
        remedy = "Upgrade to 8.0: https://www.mongodb.com/docs/manual/release-notes/8.0-upgrade/"
        severity = Severity.WARNING
        if embedded:
            remedy = "For development it will do; else set SESSIONWIRE_MONGODB_URI or _MONGOD."
            severity = Severity.NOTE
        yield found("server-end-of-life", severity, said, remedy=remedy)
    for each in VULNERABILITIES:
        if _has(release, each):
            yield _vulnerable(release, each, loopback=loopback)
    yield from _judge_feature(release)


def _has(release: Release, fault: _Vulnerability) -> bool:
    branch = release.version[:2]
    if branch < fault.first or (fault.compressor and fault.compressor not in release.compressors):
        return False
    fixes = [each for each in fault.fixed if each[:2] == branch]
    return release.version < fixes[0] if fixes else branch < fault.fixed[-1][:2]


def _vulnerable(release: Release, fault: _Vulnerability, *, loopback: bool) -> Finding:
    name = ".".join(map(str, release.version))
    fixes = [each for each in fault.fixed if each[0] >= release.version[0]]
    better = " or ".join(".".join(map(str, each)) for each in fixes)
    remedy = f"Upgrade to {better}; see {fault.source}"
    command = ""
    if fault.compressor:
        kept = [each for each in release.compressors if each != fault.compressor]
        remedy = f"Upgrade to {better}, or restart without {fault.compressor}; see {fault.source}"
        command = f"mongod --networkMessageCompressors {','.join(kept) or 'disabled'} …"
    return found(
        "server-vulnerable",
        Severity.WARNING if loopback else Severity.ERROR,
        f"MongoDB {name} has {fault.id}: {fault.said}.",
        remedy=remedy,
        command=command,
    )


def _judge_feature(release: Release) -> Iterator[Finding]:
    if release.feature is None:
        return
    branch = ".".join(map(str, release.version[:2]))
    said = f"The feature compatibility version is {release.feature}, of {branch}."
    if release.feature == branch:
        yield found("feature-version", Severity.OK, said)
        return
    yield found(
        "feature-version",
        Severity.NOTE,
        said,
        remedy="Raise it once you are sure not to go back.",
        command="mongosh --eval 'db.adminCommand({setFeatureCompatibilityVersion:"
        f' "{branch}", confirm: true}})\'',
    )


def judge_members(members: Members | None, *, embedded: bool) -> Iterator[Finding]:
    """None: a mongos answered."""
    if members is None:
        yield found("replica-set", Severity.OK, "A sharded cluster, through mongos.")
        return
    data, arbiters, silent = members.data, members.arbiters, members.silent
    voting = len(data) + len(arbiters)
    answering = len(data) - len(silent)
    # A primary has a majority of votes; with arbiters that is no majority of the data.
    if members.majority_lag > _STUCK or (arbiters and answering <= voting // 2):
        yield found(
            "majority-lost",
            Severity.ERROR,
            f"{answering} of {len(data)} members with data answer from here, and what the majority"
            f" has is {members.majority_lag:.0f} s old.",
            remedy="Start the members that are away, or see why they do not keep up.",
            command="mongosh --eval 'rs.status()'",
        )
        return
    if silent:
        yield found(
            "member-silent",
            Severity.WARNING,
            f"{', '.join(silent)} of {members.set_name} does not answer from here.",
            remedy="Start it, or open the way to it: the driver has to reach every member.",
            command="mongosh --eval 'rs.status()'",
        )
    yield _set(members, voting, embedded=embedded)


def _set(members: Members, voting: int, *, embedded: bool) -> Finding:
    said = f"{members.set_name}: {len(members.data)} with data, primary {members.primary}."
    remedy = ""
    if members.arbiters:
        said = f"{said[:-1]}, {len(members.arbiters)} arbiter."
        remedy = "Replace the arbiter by a member with data: with it, one failure stops all events."
    elif voting < 3 and not embedded:
        remedy = "For production use three members: with fewer, one failure stops everything."
    return found("replica-set", Severity.NOTE if remedy else Severity.OK, said, remedy=remedy)


def judge_concerns(concerns: Concerns) -> Iterator[Finding]:
    if concerns.write is None:
        return
    said = f"w: {concerns.write}, read concern {concerns.read}."
    if concerns.write == "majority":
        yield found("default-concerns", Severity.OK, said)
        return
    yield found(
        "default-concerns",
        Severity.NOTE,
        said,
        remedy="Let other programs' writes wait for the majority: their events then come at once.",
        command="mongosh --eval 'db.adminCommand({setDefaultRWConcern: 1,"
        ' defaultWriteConcern: {w: "majority"}})\'',
    )


def judge_options(options: UriOptions, *, members: int) -> Iterator[Finding]:
    """What the URI asks for; `members` is how many the set has, 0 for a mongos."""
    if options.direct and members > 1:
        yield _option(
            Severity.ERROR,
            "directConnection=true ties the driver to one of several members.",
            "Take it out: after an election nobody could write.",
        )
    if not options.retry_writes:
        yield _option(
            Severity.WARNING,
            "retryWrites=false: an election shows as failed sign-ins.",
            "Take it out.",
        )
    if options.invalid_certificates:
        yield _option(
            Severity.WARNING,
            "The URI lets any certificate pass: anybody on the way may be MongoDB.",
            "Name the authority with tlsCAFile=… instead.",
        )
    overridden = {
        "w": options.write,
        "readConcernLevel": options.read,
        "readPreference": options.read_preference,
    }
    for name, value in overridden.items():
        if value is not None and value not in ("majority", "primary"):
            yield _option(
                Severity.NOTE,
                f"{name}={value} has no effect: serve asks for majority, on the primary.",
                "Take it out, or leave it to other programs.",
            )
    if "zlib" in options.compressors:
        yield _option(
            Severity.NOTE,
            "compressors=zlib is the slowest of the three, and that of CVE-2025-14847.",
            "Write compressors=zstd or snappy, or none.",
        )
    if not options.loopback:
        yield from _judge_exposure(options)


def _judge_exposure(options: UriOptions) -> Iterator[Finding]:
    if not options.credentials:
        yield found(
            "no-authentication",
            Severity.WARNING,
            "MongoDB on another machine answers without a user.",
            remedy="Turn authorization on, and give serve a user of its own.",
            command='mongosh --eval \'db.createUser({user: "sessionwire", pwd: passwordPrompt(),'
            ' roles: [{role: "readWrite", db: "sessionwire"}]})\'',
        )
    if not options.tls:
        said = "The connection to MongoDB on another machine is not encrypted."
        remedy = "Turn net.tls on, and add tls=true to the URI; or stay on a private network."
        yield found("connection-plain", Severity.WARNING, said, remedy=remedy)


def _option(severity: Severity, said: str, remedy: str) -> Finding:
    return found("uri-option", severity, said, remedy=remedy)
