"""One cookie, followed from the browser to the hook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.doctor.judgement.chain import judge_cookie, judge_session, stands
from sessionwire.doctor.judgement.wires import Wires, judge_wires
from sessionwire.doctor.looking.cookie import credential_in, look_at_cookie, value_in
from sessionwire.doctor.looking.live import look_at_session
from sessionwire.store.examination.session import session_of

if TYPE_CHECKING:
    from sessionwire.doctor.database import Reached
    from sessionwire.doctor.looking.web import Browser
    from sessionwire.settings import Settings

__all__ = ["documents_findings", "wires_findings"]

_READ = "/api/auth/get-session?disableRefresh=true"
_VERSION = "sessionwire-version"


async def documents_findings(
    header: str, settings: Settings, at: Reached
) -> tuple[list[Finding], bool]:
    """What the cookie and the database say; and whether the session stands by them."""
    findings = list(judge_cookie(look_at_cookie(header, settings)))
    credential = credential_in(header, settings)
    if credential is None or at.client is None or at.naming is None:
        return findings, False
    truth = settings.active_organization
    seen = await session_of(at.client, settings.database, at.naming, credential, truth=truth)
    now, maximum = datetime.now(UTC), timedelta(days=settings.session_maximum_days)
    findings += judge_session(seen, now=now, maximum=maximum)
    return findings, stands(seen, now=now, maximum=maximum)


async def wires_findings(
    header: str, settings: Settings, browser: Browser, origin: str, *, standing: bool
) -> list[Finding]:
    """What the public address shows to who sends the cookie. It extends no session."""
    value = value_in(header, settings)
    if value is None:
        return []
    read = await browser.get(_READ, cookie=header)
    if read.answer is None:
        return [found("session-not-asked", Severity.NOTE, f"{browser.url} does not answer.")]
    bearer = await browser.get(_READ, authorization=f"Bearer {value}")
    after = await browser.get("/auth/after?redirect=/", cookie=header) if standing else None
    since = read.answer.headers.get(_VERSION)
    live = await look_at_session(browser.url, origin=origin, cookie=header, since=since)
    wires = Wires(read, bearer, after, live, pages=settings.pages, standing=standing)
    return list(judge_wires(wires))
