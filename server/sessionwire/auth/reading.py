"""Session reads: what a request claims, and the session that the claim stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sessionwire.auth.organizations import refuse_stranger
from sessionwire.auth.sessions import presented, viewer_of
from sessionwire.errors import PeerError, Unavailable
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
    "CLAIMING",
    "ORGANIZATION_HEADER",
    "VERSION_HEADER",
    "Claim",
    "Headers",
    "Reader",
    "Reading",
    "SessionReader",
    "Shown",
    "joined",
]

VERSION_HEADER = "sessionwire-version"
ORGANIZATION_HEADER = "sessionwire-organization"
CLAIMING = ("cookie", "authorization", "origin", VERSION_HEADER, ORGANIZATION_HEADER)
"""The headers, in lower case, in whose words a request says who it speaks for."""

_PIN_LIMIT = 128
"""Characters; no organization has an id as long as that."""

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
    cookie: str | None = None
    """The `Cookie` header."""
    pin: str | None = None
    """The organization that the request is about, as its sender says; None: the active one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a sender is shown of their session: None when signed out, and of which moment it is."""

    view: SessionView | None
    version: Version


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
        found, now = _values_of(headers, CLAIMING), self._clock().timestamp()
        cookie = _joined(found["cookie"])
        given = presented(
            self._cookies,
            cookie=cookie,
            authorization=_first(found["authorization"]),
            origin=_joined(found["origin"]),
        )
        viewer = viewer_of(given.token, compat=self._compat)
        said = plausible(_first(found[VERSION_HEADER]) or "", now=now)
        since = max(self._cookies.seen(cookie, now=now), said)
        said_pins = found[ORGANIZATION_HEADER]
        pin = ", ".join(said_pins)[:_PIN_LIMIT] if said_pins else None
        return Claim(given.token, given.by_cookie, viewer, since, cookie, pin)

    async def read(
        self, viewer: Viewer, *, since: Version = NEVER, pin: str | None = None
    ) -> Reading:
        """The newest reading of the `session` query; before it says None, the database is asked.

        A replica that lags behind another process does not know the newest sessions yet, and must
        not sign anybody out. Raises Forbidden for the pin of an organization that is not the
        viewer's, and Unavailable when the database does not answer in time.
        """
        late = asyncio.get_running_loop().time() + self._deadline
        reading = await self._ask(viewer, pin, since)  # which has a deadline
        if reading.value is not None or viewer.credential is None:
            return reading
        try:
            async with asyncio.timeout_at(late):
                if await self._sessions.find(viewer) is not None:
                    now = await self._store.ping()
                    reading = await self._ask(viewer, pin, now)
                return reading
        except TimeoutError:
            raise Unavailable("The database did not answer in time.") from None

    async def _ask(self, viewer: Viewer, pin: str | None, since: Version) -> Reading:
        args = {} if pin is None else {"organization": pin}
        try:
            return await self._relay.read("session", viewer, args, since=since)
        except PeerError as error:
            if error.code == "not_a_member":
                refuse_stranger()
            raise

    async def find(self, headers: Headers) -> SessionView | None:
        """The session that the headers carry, if it stands; raises as `read` does."""
        return (await self.show(headers)).view

    async def show(self, headers: Headers) -> Shown:
        """What `find` finds, and of which version it is.

        Who carries none is signed out at every version: that which they have seen will do.
        """
        claim = self.claim(headers)
        if claim.viewer.credential is None:
            return Shown(None, claim.since)
        reading = await self.read(claim.viewer, since=claim.since, pin=claim.pin)
        view = reading.value
        if not isinstance(view, SessionView) or isinstance(self.judge(view), Expired):
            return Shown(None, reading.version)
        return Shown(view, reading.version)

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


def _values_of(headers: Headers, names: Iterable[str]) -> dict[str, list[str]]:
    """The values of each name. One pass: this is done for every request."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, list[str]] = {name: [] for name in names}
    for key, value in pairs:
        values = found.get(_text(key).lower())
        if values is not None:
            values.append(_text(value))
    return found


def joined(headers: Headers, name: str) -> str | None:
    """All values of this name in one: HTTP/2 may split cookies; two Origins are no origin."""
    return _joined(_values_of(headers, (name,))[name])


def _joined(values: list[str]) -> str | None:
    return "; ".join(values) if values else None


def _first(values: list[str]) -> str | None:
    return values[0] if values else None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
