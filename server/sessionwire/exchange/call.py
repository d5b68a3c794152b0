"""The words of one exchange: what an endpoint takes, what its handler is given, what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sessionwire.auth.sessions import Device
from sessionwire.errors import Forbidden, Unauthorized
from sessionwire.exchange.schema import Schema
from sessionwire.model import Version, Viewer

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.exchange.backing import Backing
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Writing

__all__ = ["Call", "Endpoint", "Handler", "Holding", "LimitClass", "Reply"]

LimitClass = Literal["none", "default", "credentials", "mail"]
"""How often an address may ask: `credentials` tries a password, `mail` sends a letter."""


@dataclass(frozen=True, slots=True)
class Holding:
    """How long a session read has the same answer, if it is asked in the same words.

    That is while the viewer's session is what it has been since `changed_at`, and before `until`.
    """

    viewer: Viewer
    changed_at: Version
    until: datetime
    since: Version
    """The newest version that its sender has seen."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers; `version` is that of a read, `perform` adds that of a write.

    `html` is a page instead of a JSON `body`. A redirect is a status with a `location` header.
    """

    body: Any = None
    status: int = 200
    cookies: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    version: Version = Version(0)
    html: str | None = None
    awaited: bool = True
    """Whether what was written is shown first; not where how long that takes would tell."""
    holding: Holding | None = None

    @classmethod
    def redirect(cls, target: str, *, cookies: Sequence[str] = (), status: int = 302) -> Reply:
        """To a target that is known to be safe."""
        return cls(status=status, cookies=cookies, headers={"location": target})


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose body, query and origin are checked; who speaks is for the handler to ask."""

    backing: Backing
    viewer: Viewer
    token: str | None
    by_cookie: bool
    """Whether the token came in a cookie, which may be set again."""
    unmarked: bool
    """Whether the browser holds no `dont_remember`."""
    since: Version
    if_none_match: str | None
    address: str
    user_agent: str
    cookie: str | None
    """The `Cookie` header, for cookies other than the session's."""
    body: Mapping[str, Any]
    query: Mapping[str, Any]
    path: Mapping[str, str]
    """What stands in the place of the path's `{names}`."""
    pin: str | None = None
    """The organization that it is about, as it says; `me` is there only if it is theirs."""
    who: SignedIn | None = None
    open_writing: Writing | None = None

    @property
    def me(self) -> SignedIn:
        """Raises Unauthorized for a viewer whose session does not stand."""
        if self.who is None:
            raise Unauthorized("Unauthorized")
        return self.who

    @property
    def me_freshly(self) -> SignedIn:
        """The same, for what needs a recent sign-in. Raises Forbidden, too."""
        if not self.backing.sessions.is_fresh(self.me.session):
            raise Forbidden("Session is not fresh", code="SESSION_NOT_FRESH")
        return self.me

    @property
    def writing(self) -> Writing:
        assert self.open_writing is not None, "a GET that writes"
        return self.open_writing

    @property
    def remembers(self) -> bool:
        """Whether the session of this request outlives its browser."""
        return self.unmarked and self.backing.sessions.outlives_browser(self.me.session)

    def device(self, *, remember: bool) -> Device:
        return Device(self.address, self.user_agent, remember)

    def session_cookies(self) -> list[str]:
        """The lines that set the session cookie again; none for a bearer."""
        if self.token is None or not self.by_cookie:
            return []
        return self.backing.cookies.session(self.token, remember=self.remembers)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of a contract."""

    method: Literal["GET", "POST"]
    path: str
    """Letter by letter; `{name}` stands for one segment."""
    handler: Handler
    body: Schema | None = None
    query: Schema = Schema()
    session: bool = False
    """Whether the handler asks who speaks."""
    writes: bool = False
    """Whether a GET writes, as a link in a mail does; every POST may."""
    login: bool = False
    """Whether it signs somebody in: then the stricter rules of origins hold."""
    form: bool = False
    """Whether an HTML form may send it."""
    foreign: bool = False
    """Whether any site's form may: it changes nothing, and says nothing of who asks."""
    limit: LimitClass = "default"
    bucket: str | None = None
    """Whose requests it is counted with, when not those of its own path."""
    seconds: float | None = None
    """How long it may take, when that is not `limits.read_deadline`."""
