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

__all__ = ["cookie_findings", "documents_findings", "wires_findings"]

_READ = "/api/auth/get-session?disableRefresh=true"
_VERSION = "sessionwire-version"


def cookie_findings(header: str, settings: Settings) -> list[Finding]:
    """What the cookie says by itself."""
    return list(judge_cookie(look_at_cookie(header, settings)))


async def documents_findings(
    header: str, settings: Settings, at: Reached
) -> tuple[list[Finding], bool | None]:
    """What MongoDB says; and whether the session stands by that, None if it cannot be asked."""
    credential = credential_in(header, settings)
    if credential is None:
        return [], False
    if at.client is None or at.naming is None:
        return [], None
    truth = settings.active_organization
    seen = await session_of(at.client, settings.database, at.naming, credential, truth=truth)
    now, maximum = datetime.now(UTC), timedelta(days=settings.session_maximum_days)
    findings = list(judge_session(seen, now=now, maximum=maximum))
    return findings, stands(seen, now=now, maximum=maximum)


async def wires_findings(
    header: str, settings: Settings, browser: Browser, origin: str, *, standing: bool | None
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
