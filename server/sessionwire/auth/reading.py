"""Session reads: what a request claims, and the session that the claim stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sessionwire.auth.sessions import presented, viewer_of
from sessionwire.errors import Unavailable
from sessionwire.model import NEVER, Version, Viewer
from sessionwire.policy.cookies import plausible
from sessionwire.policy.lifetime import Expired, Lifetime, Span
from sessionwire.reactive.shapes import SessionView

if TYPE_CHECKING:
    from sessionwire.auth.clock import Clock
    from sessionwire.auth.sessions import Compat, Sessions
    from sessionwire.policy.cookies import Cookies
    from sessionwire.store.mongo import Store

__all__ = [
    "VERSION_HEADER",
    "Claim",
    "Headers",
    "Reader",
    "Reading",
    "SessionReader",
    "joined",
]

VERSION_HEADER = "sessionwire-version"

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""A request's headers: a mapping, or pairs; names in any case."""


class Reading(Protocol):
    """One answer: exact as of `version`, the same since `changed_at`."""

    @property
    def value(self) -> Any: ...
    @property
    def version(self) -> Version: ...
    @property
    def changed_at(self) -> Version: ...


class Reader(Protocol):
    """The relay, as far as the rooms above it know it."""

    async def read(
        self,
        query: str,
        viewer: Viewer,
        args: Mapping[str, Any] | None = None,
        *,
        since: Version = ...,
    ) -> Reading: ...

    async def until(self, version: Version) -> None: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """In whose name a request speaks; whether the session still stands is another question."""

    token: str | None
    by_cookie: bool
    """Whether the token came in a cookie."""
    viewer: Viewer
    since: Version
    """The newest version that its sender has seen (P5)."""


class SessionReader:
    """Whose session a request carries: one rule for HTTP, the live wire and server code.

    Answered by the relay, so no database read while the session is held. It never extends a
    session.
    """

    def __init__(
        self,
        relay: Reader,
        *,
        store: Store,
        sessions: Sessions,
        cookies: Cookies,
        compat: Compat,
        clock: Clock,
        deadline: float,
    ) -> None:
        self._relay = relay
        self._store = store
        self._sessions = sessions
        self._cookies = cookies
        self._compat: Compat = compat
        self._clock = clock
        self._deadline = deadline

    def claim(self, headers: Headers) -> Claim:
        """What the headers say, as far as the signature of a cookie or a bearer vouches for it."""
        cookie, now = joined(headers, "cookie"), self._clock().timestamp()
        given = presented(
            self._cookies,
            cookie=cookie,
            authorization=_only(headers, "authorization"),
            origin=joined(headers, "origin"),
        )
        viewer = viewer_of(given.token, compat=self._compat)
        said = plausible(_only(headers, VERSION_HEADER) or "", now=now)
        since = max(self._cookies.seen(cookie, now=now), said)
        return Claim(given.token, given.by_cookie, viewer, since)

    async def read(self, viewer: Viewer, *, since: Version = NEVER) -> Reading:
        """The newest reading of the `session` query; before it says None, the database is asked.

        A replica that lags behind another process does not know the newest sessions yet, and must
        not sign anybody out. Raises Unavailable when the database does not answer in time.
        """
        try:
            async with asyncio.timeout(self._deadline):
                reading = await self._relay.read("session", viewer, since=since)
                if reading.value is None and await self._sessions.find(viewer) is not None:
                    now = await self._store.ping()
                    reading = await self._relay.read("session", viewer, since=now)
                return reading
        except TimeoutError:
            raise Unavailable("The database did not answer in time.") from None

    async def find(self, headers: Headers) -> SessionView | None:
        """The session that the headers carry, if it stands; raises as `read` does."""
        claim = self.claim(headers)
        if claim.viewer.credential is None:
            return None
        view = (await self.read(claim.viewer, since=claim.since)).value
        if not isinstance(view, SessionView) or isinstance(self.judge(view), Expired):
            return None
        return view

    def judge(self, view: SessionView) -> Lifetime:
        """What a read makes of the session now: the replica has no clock."""
        session = view.session
        if session.expires_at is None:
            return Expired()
        updated_at = session.updated_at or session.expires_at
        span = Span(
            created_at=datetime.fromisoformat(session.created_at or updated_at),
            updated_at=datetime.fromisoformat(updated_at),
            expires_at=datetime.fromisoformat(session.expires_at),
            maximum=self._sessions.maximum,
        )
        return span.judge(now=self._clock())


def _values_of(headers: Headers, name: str) -> list[str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [_text(value) for key, value in pairs if _text(key).lower() == name]


def joined(headers: Headers, name: str) -> str | None:
    """All values of this name in one: HTTP/2 may split cookies; two Origins are no origin."""
    found = _values_of(headers, name)
    return "; ".join(found) if found else None


def _only(headers: Headers, name: str) -> str | None:
    found = _values_of(headers, name)
    return found[0] if found else None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
