"""One examination of everything, and its findings in the order of a report."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sessionwire.doctor.catalogue import AREAS
from sessionwire.doctor.check import Check, run_checks
from sessionwire.doctor.database import database_checks, reached
from sessionwire.doctor.judgement.live import judge_foreign, judge_live
from sessionwire.doctor.judgement.machine import LIBRARY_FLOORS, judge_machine, judge_mongod
from sessionwire.doctor.judgement.settings import judge_readable, judge_settings
from sessionwire.doctor.judgement.web import judge_web
from sessionwire.doctor.judgement.wires import judge_origin, judge_route
from sessionwire.doctor.looking.cookie import header_of
from sessionwire.doctor.looking.live import look_at_handshake, look_at_live
from sessionwire.doctor.looking.machine import look_at_machine, look_at_mongod
from sessionwire.doctor.looking.web import browsing, look_at_route, look_at_web
from sessionwire.doctor.session import cookie_findings, documents_findings, wires_findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.doctor.database import Reached
    from sessionwire.doctor.facts import SettingsSeen
    from sessionwire.doctor.finding import Finding
    from sessionwire.doctor.looking.web import Browser
    from sessionwire.settings import Settings

__all__ = ["Asked", "examine", "origin_of", "session_checks", "web_checks"]

_STRANGER = "https://sessionwire-doctor.invalid"
"""An origin that nobody can have (RFC 2606) and so nobody should trust."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at beside the set-up itself."""

    url: str | None = None
    """The public address; None: base_url, if it answers."""
    cookie: str | None = None
    origin: str | None = None
    """That of the page which asks; None: the public address."""
    route: str | None = None
    """A path of the application that shows something to who is signed in."""
    idle: float = 0.0
    write: bool = False
    backlog: int = 2048
    """What serve listens with."""
    plain_port: int | None = None
    """Where http is served beside https, if not on 80."""


def origin_of(url: str) -> str:
    """scheme://host[:port] of an address. Raises ValueError for what has none."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{url!r} is no http(s) address")
    return f"{parts.scheme}://{parts.netloc.lower()}"


async def examine(settings: Settings | None, seen: SettingsSeen, asked: Asked) -> list[Finding]:
    """Everything that can be looked at. Raises nothing for what is broken."""
    findings = list(judge_readable(seen))
    if settings is None:
        findings += await run_checks([_machine(None, asked)])
        return _ordered(findings)
    findings += judge_settings(settings, seen)
    url = origin_of(asked.url or settings.base_url)
    async with reached(settings) as at, browsing(url, asked.origin or url) as browser:
        findings += at.findings
        checks = [
            _machine(settings, asked),
            *database_checks(at, settings, write=asked.write),
            *web_checks(settings, browser, asked),
            *session_checks(settings, at, browser, asked),
        ]
        findings += await run_checks(checks)
    return _ordered(findings)


def _ordered(findings: Iterable[Finding]) -> list[Finding]:
    """By area; an origin that the socket and the settings refuse is named once."""
    kept: list[Finding] = []
    for each in findings:
        if each.code != "origin-refused" or each.code not in [one.code for one in kept]:
            kept.append(each)
    return sorted(kept, key=lambda each: AREAS.index(each.area))


def _machine(settings: Settings | None, asked: Asked) -> Check:
    async def look() -> Iterable[Finding]:
        embedded = settings is not None and settings.mongodb_uri is None
        directory = settings.data_dir if settings is not None and embedded else None
        seen = await asyncio.to_thread(look_at_machine, tuple(LIBRARY_FLOORS), directory)
        findings = list(
            judge_machine(
                seen,
                connections=50_000 if settings is None else settings.limits.connections,
                backlog=asked.backlog,
                today=datetime.now(UTC).date(),
                production=settings is not None and settings.environment == "production",
            )
        )
        if embedded:
            findings += judge_mongod(await asyncio.to_thread(look_at_mongod))
        return findings

    return Check("the machine", look)


def web_checks(settings: Settings, browser: Browser, asked: Asked) -> list[Check]:
    """Of the public address, as a stranger sees it."""
    given = asked.url is not None

    async def web() -> Iterable[Finding]:
        seen = await look_at_web(browser, given=given, idle=asked.idle, plain_port=asked.plain_port)
        return judge_web(seen, settings)

    async def live() -> Iterable[Finding]:
        if not await _answers(browser):
            return []
        seen = await look_at_live(browser.url, origin=browser.url, idle=asked.idle)
        foreign = await look_at_handshake(browser.url, origin=_STRANGER)
        return [*judge_live(seen), *judge_foreign(foreign)]

    within = 25.0 + asked.idle
    return [Check("the public address", web, within), Check("the live socket", live, within)]


def session_checks(settings: Settings, at: Reached, browser: Browser, asked: Asked) -> list[Check]:
    """Of the cookie, the page and the route that were named."""
    header = None if asked.cookie is None else header_of(asked.cookie, settings)
    origin = asked.origin or browser.url

    async def by_itself() -> Iterable[Finding]:
        return cookie_findings(header or "", settings)

    async def session() -> Iterable[Finding]:
        findings, standing = await documents_findings(header or "", settings, at)
        return findings + await wires_findings(
            header or "", settings, browser, origin, standing=standing
        )

    async def page() -> Iterable[Finding]:
        return judge_origin(origin, browser.url, settings)

    async def route() -> Iterable[Finding]:
        assert asked.route is not None
        return judge_route(await look_at_route(browser, asked.route, header or ""))

    checks = []
    if header is not None:
        checks.append(Check("the cookie", by_itself))
        checks.append(Check("the session", session, within=30.0))
    if asked.origin is not None:
        checks.append(Check("the page's origin", page))
    if asked.route is not None and header is not None:
        checks.append(Check("the route", route, within=15.0))
    return checks


async def _answers(browser: Browser) -> bool:
    """Whether there is a server to open a socket to; if not, the other check says why."""
    ok = (await browser.get("/api/auth/ok")).answer
    return ok is not None and ok.status == 200
