"""Parts of the doctor's examination, run inside the test's process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doctor.seen import SECRET
from sessionwire.doctor.check import run_checks
from sessionwire.doctor.database import database_checks, reached
from sessionwire.doctor.examination import Asked, origin_of, session_checks, web_checks
from sessionwire.doctor.looking.web import browsing
from sessionwire.settings import load_settings

if TYPE_CHECKING:
    from sessionwire.doctor.finding import Finding
    from sessionwire.settings import Settings

__all__ = ["examined_session", "examined_uri", "examined_web"]


async def examined_uri(
    uri: str, *, write: bool = False, watch: float = 0.0, database: str = "app"
) -> list[Finding]:
    """Of a MongoDB alone; `watch` for so long for writes of others."""
    settings = load_settings(mongodb_uri=uri, database=database, secret=SECRET)
    async with reached(settings) as at:
        checks = database_checks(at, settings, write=write, watch=watch)
        return [*at.findings, *await run_checks(checks)]


async def examined_web(settings: Settings, url: str | None, **asked: Any) -> list[Finding]:
    """Of the public address alone: None for base_url, if it answers."""
    wanted = Asked(url=url, **asked)
    address = origin_of(url or settings.base_url)
    async with browsing(address, address) as browser:
        return await run_checks(web_checks(settings, browser, wanted))


async def examined_session(
    settings: Settings, url: str, cookie: str, **asked: Any
) -> list[Finding]:
    """Of one cookie alone."""
    wanted = Asked(url=url, cookie=cookie, **asked)
    async with reached(settings) as at, browsing(url, wanted.origin or url) as browser:
        return await run_checks(session_checks(settings, at, browser, wanted))
