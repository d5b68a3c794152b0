"""The checks of MongoDB: reached first, then looked at from every side at once."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sessionwire.doctor.check import Check, run_checks
from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.doctor.judgement.contents import judge_access, judge_contents, judge_indexes
from sessionwire.doctor.judgement.deployment import (
    judge_concerns,
    judge_members,
    judge_options,
    judge_release,
)
from sessionwire.doctor.judgement.reach import judge_place, judge_reach
from sessionwire.doctor.judgement.timing import judge_clock, judge_commits, judge_oplog
from sessionwire.errors import StartupError
from sessionwire.store.examination.access import access_of
from sessionwire.store.examination.contents import contents_of
from sessionwire.store.examination.deployment import (
    clock_of,
    concerns_of,
    members_of,
    oplog_of,
    release_of,
)
from sessionwire.store.examination.indexes import indexes_of
from sessionwire.store.examination.journal import probe_commits, watch_commits
from sessionwire.store.examination.place import placed
from sessionwire.store.examination.reach import connected, options_of, reach, without_password
from sessionwire.store.indexes import INDEXES
from sessionwire.store.mapping import naming_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from sessionwire.settings import Settings
    from sessionwire.store.examination.facts import UriOptions
    from sessionwire.store.mapping import Naming

__all__ = ["Reached", "database_checks", "reached"]


@dataclass(frozen=True, slots=True)
class Reached:
    """`client` is None when MongoDB cannot be worked with; then the findings say why."""

    findings: tuple[Finding, ...]
    client: Any = None
    options: UriOptions | None = None
    naming: Naming | None = None
    embedded: bool = False


@contextlib.asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[Reached]:
    """The MongoDB that serve would use, while the block runs."""
    given = None if settings.mongodb_uri is None else settings.mongodb_uri.get_secret_value()
    async with contextlib.AsyncExitStack() as stack:
        try:
            naming = naming_of(settings)
        except StartupError as error:
            yield Reached((_refused("settings-refused", error),))
            return
        try:
            place = await stack.enter_async_context(placed(given, settings.data_dir))
        except StartupError as error:
            yield Reached((_refused("embedded-refused", error),))
            return
        findings = tuple(judge_place(place, without_password(place.uri)))
        findings += tuple(await run_checks([Check("the way to MongoDB", _way_to(place.uri), 20.0)]))
        if not any(each.code == "mongodb-reachable" for each in findings):
            yield Reached(findings)
            return
        client = await stack.enter_async_context(connected(place.uri))
        yield Reached(findings, client, await options_of(place.uri), naming, place.kind != "given")


def _way_to(uri: str) -> Callable[[], Awaitable[Iterable[Finding]]]:
    """Looks how far this URI leads; without a finding `mongodb-reachable` not far enough."""

    async def look() -> Iterable[Finding]:
        return judge_reach(await reach(uri))

    return look


def database_checks(
    at: Reached, settings: Settings, *, write: bool, watch: float = 1.5
) -> list[Check]:
    """None for a MongoDB that was not reached; `watch`: how long for writes of others."""
    client, options, naming = at.client, at.options, at.naming
    if client is None or options is None or naming is None:
        return []
    name = settings.database
    collections = list(dict.fromkeys(naming.place(ours, path)[0] for ours, path, _ in INDEXES))
    today = datetime.now(UTC).date()

    async def members() -> Iterable[Finding]:
        seen = await members_of(client, options.tls)
        count = 0 if seen is None else len(seen.data) + len(seen.arbiters)
        return [*judge_members(seen, embedded=at.embedded), *judge_options(options, members=count)]

    async def release() -> Iterable[Finding]:
        seen = await release_of(client)
        return judge_release(seen, today=today, loopback=options.loopback, embedded=at.embedded)

    async def clock() -> Iterable[Finding]:
        return judge_clock(await clock_of(client))

    async def oplog() -> Iterable[Finding]:
        return judge_oplog(await oplog_of(client))

    async def commits() -> Iterable[Finding]:
        if write:
            return judge_commits(await probe_commits(client, name))
        return judge_commits(await watch_commits(client, seconds=watch))

    async def concerns() -> Iterable[Finding]:
        return judge_concerns(await concerns_of(client))

    async def access() -> Iterable[Finding]:
        return judge_access(await access_of(client, name, collections), database=name)

    async def indexes() -> Iterable[Finding]:
        return judge_indexes(await indexes_of(client, name, naming))

    async def contents() -> Iterable[Finding]:
        seen = await contents_of(client, name, naming)
        if settings.active_organization == "session" or not settings.personal_workspace:
            seen = replace(seen, users_without_active=None)  # which is as it should be
        return judge_contents(seen)

    return [
        Check("the members", members),
        Check("the version", release),
        Check("the clock", clock),
        Check("the oplog", oplog),
        Check("the journal", commits, within=25.0 if write else 10.0),
        Check("the defaults", concerns),
        Check("the permissions", access, within=15.0),
        Check("the indexes", indexes, within=20.0),
        Check("the data", contents, within=25.0),
    ]


def _refused(code: str, error: StartupError) -> Finding:
    said = f"{error.message[:1].upper()}{error.message[1:].rstrip('.')}."
    return found(code, Severity.ERROR, said, remedy=error.remedy)
