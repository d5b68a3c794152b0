"""What the public address answers, asked as a browser would ask."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from sessionwire.doctor.facts import Answered, ClockRead, Faults, Fetched, RouteSeen, WebSeen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Browser", "browsing", "look_at_route", "look_at_web"]

_SECONDS = 5.0
_MORE_THAN_A_SECOND = 1.1
"""After which two fresh answers differ in their Date."""
_STEP = 0.15
_HEARTBEAT = 25.0
_BODY = 100_000
_SAID: dict[Faults, str] = {
    "dns": "the name is not known",
    "refused": "the connection was refused",
    "timeout": "no answer in time",
}
_POLL = {"subscriptions": [{"id": 1, "query": "session"}], "wait": 0}


class Browser:
    """Asks one address; an answer or a fault, never an exception."""

    def __init__(self, client: httpx.AsyncClient, url: str, origin: str) -> None:
        self._client = client
        self._origin = origin
        self.url = url

    async def get(self, path: str, **headers: str) -> Fetched:
        return await self._ask("GET", f"{self.url}{path}", headers)

    async def post(
        self, path: str, body: object, *, seconds: float = _SECONDS, **headers: str
    ) -> Fetched:
        """JSON, in the name of a page of the origin."""
        named = {"origin": self._origin, **headers}
        return await self._ask("POST", f"{self.url}{path}", named, body=body, seconds=seconds)

    async def at(self, url: str) -> Fetched:
        return await self._ask("GET", url, {})

    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        body: object = None,
        seconds: float = _SECONDS,
    ) -> Fetched:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.request(method, url, headers=headers, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ssl.SSLError) as error:
            return Fetched(url, fault=_fault_of(error), said=_line(error))
        return Fetched(
            url,
            Answered(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                response.content[:_BODY],
                1000 * (time.perf_counter() - began),
                tuple(response.headers.get_list("set-cookie")),
            ),
        )


@contextlib.asynccontextmanager
async def browsing(url: str, origin: str) -> AsyncIterator[Browser]:
    """Keeps no cookies and follows nothing; certificates are checked as Python does."""
    # Loading the authorities takes longer than all requests of an http address together.
    verify = ssl.create_default_context() if url.startswith("https:") else False
    async with httpx.AsyncClient(
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        headers={"user-agent": "sessionwire-doctor"},
    ) as client:
        yield Browser(client, url, origin)


async def look_at_web(
    browser: Browser, *, given: bool, idle: float = 0, plain_port: int | None = None
) -> WebSeen:
    """As a stranger. `plain_port` is that of http, where it is not 80."""
    began = time.time()
    ok = await browser.get("/api/auth/ok")
    seen = WebSeen(browser.url, given, ok, clock=_clock(ok, began))
    if ok.answer is None:
        return seen
    async with asyncio.TaskGroup() as group:
        reads = group.create_task(_twice(browser))
        plain = group.create_task(_plain(browser, plain_port))
        sign_out = group.create_task(browser.post("/api/auth/sign-out", {}))
        poll = group.create_task(browser.post("/live/poll", _POLL))
        held = group.create_task(_held(browser, idle))
    first, second = reads.result()
    return WebSeen(
        browser.url,
        given,
        ok,
        plain=plain.result(),
        first=first,
        second=second,
        sign_out=sign_out.result(),
        poll=poll.result(),
        held=held.result(),
        clock=seen.clock,
    )


async def look_at_route(browser: Browser, path: str, cookie: str) -> RouteSeen:
    """The application's own route, with the cookie and as a stranger."""
    return RouteSeen(path, await browser.get(path, cookie=cookie), await browser.get(path))


async def _twice(browser: Browser) -> tuple[Fetched, Fetched]:
    """Two reads that differ in their Date, or are more than a second apart."""
    began = time.monotonic()
    second = first = await browser.get("/api/auth/get-session")
    while time.monotonic() < began + _MORE_THAN_A_SECOND and _date(second) == _date(first):
        await asyncio.sleep(_STEP)
        second = await browser.get("/api/auth/get-session")
    return first, second


def _date(fetched: Fetched) -> str | None:
    return None if fetched.answer is None else fetched.answer.headers.get("date")


async def _plain(browser: Browser, port: int | None) -> Fetched | None:
    parts = urlsplit(browser.url)
    if parts.scheme != "https" or (parts.port is not None and port is None):
        return None
    return await browser.at(f"http://{parts.hostname}" + (f":{port}" if port else "") + "/")


async def _held(browser: Browser, idle: float) -> Fetched | None:
    """A poll of which nothing changes, answered when its time is over."""
    if not idle:
        return None
    wait = min(idle, _HEARTBEAT)
    first = await browser.post("/live/poll", _POLL)
    if first.answer is None or first.answer.status != 200:
        return None
    known = {"id": 1, "query": "session", "tag": _tag(first.answer.body)}
    waiting = {"subscriptions": [known], "wait": wait}
    return await browser.post("/live/poll", waiting, seconds=wait + _SECONDS)


def _tag(body: bytes) -> str:
    """Of the result in a poll's answer."""
    _, _, rest = body.partition(b'"tag":"')
    return rest[:16].decode("ascii", "replace")


def _clock(fetched: Fetched, began: float) -> ClockRead | None:
    """`Date` is cut to the second: on average half a second is missing."""
    if fetched.answer is None or "date" not in fetched.answer.headers:
        return None
    try:
        theirs = email.utils.parsedate_to_datetime(fetched.answer.headers["date"]).timestamp()
    except ValueError:
        return None
    trip = fetched.answer.milliseconds / 1000
    return ClockRead(theirs + 0.5 - (began + trip / 2), 0.5 + trip / 2)


def _fault_of(error: Exception) -> Faults:
    said = str(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timeout"
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said:
        return "certificate"
    if any(each in said for each in ("Name or service", "nodename", "No address", "resolution")):
        return "dns"
    return "refused" if isinstance(error, httpx.ConnectError) and "SSL" not in said else "other"


def _line(error: Exception) -> str:
    said = _SAID.get(_fault_of(error))
    return said or " ".join(str(error).split())[:200] or type(error).__name__
