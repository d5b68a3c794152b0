"""What permissions, indexes and the data themselves mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.store.examination.facts import Access, Contents, Index, Indexes

__all__ = ["judge_access", "judge_contents", "judge_indexes"]

_EXCESSIVE = ("root", "__system", "dbOwner", "readWriteAnyDatabase", "dbAdminAnyDatabase",
              "userAdminAnyDatabase", "userAdmin", "clusterAdmin", "restore")  # fmt: skip
_LARGE = 1_000_000
_TOO_LARGE = 8_000_000
"""An update of a document that large may come near the 16 MB of an event."""


def judge_access(access: Access, *, database: str) -> Iterator[Finding]:
    if access.missing:
        yield _missing(access, database)
    # What the roles say is missing is refused, too: said once.
    for tried, said in () if access.missing else access.refused:
        yield found(
            "permission-missing",
            Severity.ERROR,
            f"MongoDB refuses {tried}: {said}",
            remedy="Give the user readWrite on the database.",
            command=_grant(access, database),
        )
    if not access.missing and not access.refused:
        who = access.user or "everybody, without authentication"
        yield found("permissions", Severity.OK, f"{who}: all that serve does on {database}.")
    excess = [each for each in access.roles if each.partition("@")[0] in _EXCESSIVE]
    if excess:
        yield found(
            "permission-excess",
            Severity.NOTE,
            f"{access.user} has {', '.join(excess)}.",
            remedy="readWrite on the database is enough.",
            command=_grant(access, database),
        )


def _missing(access: Access, database: str) -> Finding:
    actions: dict[str, list[str]] = {}
    for action, resource in access.missing:
        actions.setdefault(action, []).append(resource)
    said = "; ".join(
        f"{action} on {resources[0]}" + (f" and {len(resources) - 1} more" if resources[1:] else "")
        for action, resources in actions.items()
    )
    return found(
        "permission-missing",
        Severity.ERROR,
        f"{access.user} ({', '.join(access.roles) or 'no role'}) lacks {said}.",
        remedy="Give the user readWrite on the database; it holds every one of them.",
        command=_grant(access, database),
    )


def _grant(access: Access, database: str) -> str:
    name, _, source = (access.user or "sessionwire@admin").rpartition("@")
    role = f'{{role: "readWrite", db: "{database}"}}'
    return f"mongosh {source} --eval 'db.grantRolesToUser(\"{name}\", [{role}])'"


def judge_indexes(indexes: Indexes) -> Iterator[Finding]:
    problems = [each for each in (_index(each) for each in indexes.seen) if each is not None]
    yield from problems
    absent = [each for each in indexes.seen if each.state == "absent"]
    if absent and not problems:
        said = (
            f"{len(absent)} of {len(indexes.seen)} wait for their collections, as before a start."
        )
        yield found("index-missing", Severity.NOTE, said)
    elif not problems:
        yield found("indexes", Severity.OK, f"All {len(indexes.seen)} are there.")
    if indexes.ttl_off:
        yield found(
            "ttl-off",
            Severity.WARNING,
            "ttlMonitorEnabled is false.",
            remedy="Switch it on again.",
            command="mongosh --eval 'db.adminCommand({setParameter: 1, ttlMonitorEnabled: true})'",
        )


def _index(index: Index) -> Finding | None:
    place = f"{index.collection}.{index.field}"
    if index.duplicates:
        return found(
            "index-duplicates",
            Severity.ERROR,
            f"{index.duplicates} values of {place} are shared by several documents.",
            remedy="Make them unique; this shows which.",
            command=_shell(
                index,
                f'aggregate([{{$group: {{_id: "${index.field}", ids: {{$push: "$_id"}},'
                " n: {$sum: 1}}}, {$match: {n: {$gt: 1}}}])",
            ),
        )
    match index.state:
        case "missing":
            said = f"{place} has no index."
            remedy = "Start serve, or make it now."
            command = _shell(
                index, f"createIndex({{{_quoted(index.field)}: 1}}, {_options(index)})"
            )
            severity = Severity.WARNING if index.unique else Severity.NOTE
            return found("index-missing", severity, said, remedy=remedy, command=command)
        case "weaker":
            said = f"{index.found} on {place} does not keep it unique."
            remedy = "Drop it; serve makes its own at the next start."
            command = _shell(index, f'dropIndex("{index.found}")')
            return found("index-not-unique", Severity.ERROR, said, remedy=remedy, command=command)
        case "different":
            return _expiry(index, place)
        case "other":
            said = f"{place} has the index {index.found}."
            return found("index-other", Severity.NOTE, said)
    return None


def _expiry(index: Index, place: str) -> Finding:
    wanted = "none" if index.expires is None else f"{index.expires} s"
    there = "none" if index.found_expires is None else f"{index.found_expires} s"
    return found(
        "index-expiry",
        Severity.WARNING,
        f"{index.found} on {place} expires after {there}; serve makes it {wanted}.",
        remedy="Drop it; serve makes its own at the next start.",
        command=_shell(index, f'dropIndex("{index.found}")'),
    )


def _options(index: Index) -> str:
    options = [f'name: "{index.name}"']
    if index.unique:
        options.append("unique: true")
    if index.expires is not None:
        options.append(f"expireAfterSeconds: {index.expires}")
    return f"{{{', '.join(options)}}}"


def _quoted(field: str) -> str:
    return field if field.isidentifier() else f'"{field}"'


def _shell(index: Index, call: str) -> str:
    return f"mongosh \"$SESSIONWIRE_MONGODB_URI\" --eval 'db.{index.collection}.{call}'"


def judge_contents(contents: Contents) -> Iterator[Finding]:
    problems = [each for each in _surprises(contents) if each is not None]
    yield from problems
    if not problems:
        said = f"users: {_size(contents.users)}, sessions: {_size(contents.sessions)}"
        yield found("contents", Severity.OK, f"{said}; up to {contents.sample} of each looked at.")
    if contents.cut_short:
        said = f"Not counted: {', '.join(contents.cut_short)}."
        yield found("contents-unfinished", Severity.NOTE, said)


def _size(count: int | None) -> str:
    return "not counted" if count is None else f"about {count}" if count else "none"


def _surprises(contents: Contents) -> Iterator[Finding | None]:
    yield _count(
        contents.same_email,
        "email-case",
        "{n} addresses belong to several users who differ in upper and lower case.",
        "Merge each pair, and keep the address in lower case.",
    )
    yield _count(
        contents.members_without_organization,
        "member-without-organization",
        "{n} memberships are of organizations that do not exist.",
        "Delete them, or bring the organizations back.",
    )
    yield _count(
        contents.users_without_active,
        "user-without-active",
        "{n} users who are set up have no active organization.",
        "Let them choose one, or set user.activeOrganizationId.",
        Severity.NOTE,
    )
    yield _count(
        contents.not_onboarded,
        "user-not-onboarded",
        "{n} users older than two minutes are not set up (onboardedAt).",
        "Start serve: it sets up everybody whom it missed. If it runs, see its log.",
    )
    yield _count(
        contents.several_workspaces,
        "several-workspaces",
        "{n} users own several personal workspaces.",
        "Delete those that are not used; each process needs the same personal_workspace.",
        Severity.NOTE,
    )
    yield _count(
        contents.endless_sessions,
        "session-without-expiry",
        "{n} sessions have no date in expiresAt.",
        "Delete them, and correct the program that wrote them.",
    )
    yield _count(
        contents.orphan_sessions,
        "session-without-user",
        "{n} sessions are of users who do not exist.",
        "Nothing has to be done; a program that deletes users should delete these first.",
        Severity.NOTE,
    )
    if contents.largest_user >= _LARGE:
        yield found(
            "large-user",
            Severity.ERROR if contents.largest_user >= _TOO_LARGE else Severity.WARNING,
            f"The largest user document has {contents.largest_user / 1e6:.1f} MB.",
            remedy="Keep pictures and histories in a collection of their own, or as a link.",
        )


def _count(
    count: int | None, code: str, said: str, remedy: str, severity: Severity = Severity.WARNING
) -> Finding | None:
    return found(code, severity, said.format(n=count), remedy=remedy) if count else None
