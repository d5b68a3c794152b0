"""Sessions: made, found, extended and ended; and how a request says which one is meant."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Event, Events
from sessionwire.model import ANONYMOUS, Document, ObjectId, Viewer, format_id, parse_id
from sessionwire.policy.cookies import BetterAuthSigner, Cookies, PurposeSigner, bearer
from sessionwire.policy.lifetime import (
    LIFETIME,
    MAXIMUM,
    UNREMEMBERED_LIFETIME,
    Expired,
    Lifetime,
    is_fresh,
)
from sessionwire.reactive.fields import moment
from sessionwire.reactive.identity import EndReason, SignedIn, span_of, tombstone_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sessionwire.auth.events import EventKind
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store, Writing

__all__ = [
    "Device",
    "Opened",
    "Presented",
    "Sessions",
    "cookies_of",
    "credential_of",
    "presented",
    "viewer_of",
]

Compat = Literal["none", "better-auth"]

_ALPHABET = string.ascii_letters + string.digits
_USER_AGENT = 256


def cookies_of(settings: Settings) -> Cookies:
    """The cookies of a server with these settings, which `load_settings` completed."""
    compat = settings.compat == "better-auth"
    named = "cookie_prefix" in settings.model_fields_set
    return Cookies(
        prefix="better-auth" if compat and not named else settings.cookie_prefix,
        secure=settings.secure,
        compat=compat,
        signer=BetterAuthSigner(settings.keys) if compat else PurposeSigner(settings.keys),
    )


def credential_of(token: str, *, compat: Compat) -> str:
    """The token as MongoDB keeps it: its SHA-256, in a better-auth database the token itself."""
    return token if compat == "better-auth" else hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request or a handshake carries: a verified token, and whether by cookie."""

    token: str | None
    by_cookie: bool


def presented(
    cookies: Cookies, *, cookie: str | None, authorization: str | None, origin: str | None
) -> Presented:
    """The token of these headers: one rule for HTTP and for the live wire.

    `Authorization: Bearer <value of the session cookie>` counts where no page can have sent it,
    that is, without an Origin.
    """
    value = bearer(authorization) if origin is None else None
    if value is not None:
        return Presented(cookies.token_in(value), by_cookie=False)
    return Presented(cookies.token(cookie), by_cookie=True)


def viewer_of(token: str | None, *, compat: Compat) -> Viewer:
    """In whose name it speaks; whether the session still stands is another question."""
    return ANONYMOUS if token is None else Viewer(credential_of(token, compat=compat))


@dataclass(frozen=True, slots=True)
class Device:
    """Where a session is opened."""

    address: str
    user_agent: str
    remember: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session: `token` is for the cookie only, `handle` for answers."""

    token: str
    handle: str
    document: Document


class Sessions:
    """The sessions of one database. It decides nothing about who may do what to them."""

    def __init__(
        self,
        store: Store,
        *,
        compat: Compat,
        clock: Clock = utc_now,
        maximum: timedelta = MAXIMUM,
        events: Events | None = None,
    ) -> None:
        self._store = store
        self.maximum = maximum
        self._events = events or Events()
        self._compat: Compat = compat
        self._clock = clock

    def handle(self, session: Document) -> str:
        """What answers call the session: its id, in a better-auth database its token."""
        return format_id(session["token" if self._compat == "better-auth" else "_id"])

    async def open(self, writing: Writing, user: Document, device: Device) -> Opened:
        """A new session of the user, with a token that nobody had before."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(32))
        now = self._clock()
        span = LIFETIME if device.remember else UNREMEMBERED_LIFETIME
        document = {
            "_id": ObjectId(),
            "token": credential_of(token, compat=self._compat),
            "userId": user["_id"],
            "expiresAt": now + min(span, self.maximum),
            "createdAt": now,
            "updatedAt": now,
            "ipAddress": device.address,
            "userAgent": device.user_agent[:_USER_AGENT],
            "activeOrganizationId": user.get("activeOrganizationId"),
        }
        await self._note(writing, "signed_in", document)
        await writing.insert_one("session", document)
        return Opened(token, self.handle(document), document)

    async def find(self, viewer: Viewer) -> SignedIn | None:
        """Whose session it is, straight from the database; None when it does not stand.

        The same rules as the `session` query, for what must not be decided by a replica.
        """
        if viewer.credential is None:
            return None
        session = await self._store.find_one("session", {"token": viewer.credential})
        if session is None or isinstance(self.judge(session), Expired):
            return None
        if not isinstance(session.get("userId"), ObjectId | str):
            return None
        user = await self._store.find_one("user", {"_id": session["userId"]})
        return None if user is None or user.get("banned") is True else SignedIn(session, user)

    def judge(self, session: Document) -> Lifetime:
        """What a read makes of it now; one without an end has ended."""
        span = span_of(session, maximum=self.maximum)
        return Expired() if span is None else span.judge(now=self._clock())

    def outlives_browser(self, session: Document) -> bool:
        """Whether it was opened to be remembered."""
        span = span_of(session, maximum=self.maximum)
        return span is not None and span.remembered

    def is_fresh(self, session: Document) -> bool:
        """Whether its user signed in recently."""
        return is_fresh(moment(session, "createdAt"), now=self._clock())

    async def of_user(self, user: Document) -> list[Document]:
        """The user's unexpired sessions, oldest first."""
        found = await self._store.find(
            "session", {"userId": user["_id"]}, sort=[("createdAt", 1), ("_id", 1)]
        )
        return [each for each in found if not isinstance(self.judge(each), Expired)]

    async def extend(
        self, writing: Writing, id: object, *, seen: datetime, expires_at: datetime
    ) -> None:
        """Move the end that was `seen`; of many that saw the same, one moves it."""
        await writing.update_one(
            "session",
            {"_id": id, "expiresAt": seen},
            {"$set": {"expiresAt": expires_at, "updatedAt": self._clock()}},
        )

    async def revoke(self, writing: Writing, user: Document, handle: str) -> Document | None:
        """End the user's session of this handle; None, and nothing done, when there is none."""
        name = "token" if self._compat == "better-auth" else "_id"
        wanted = handle if name == "token" else parse_id(handle)
        session = await self._store.find_one("session", {name: wanted, "userId": user["_id"]})
        if session is not None:
            await self.end(writing, [session], reason="revoked")
        return session

    async def sign_out(self, writing: Writing, viewer: Viewer) -> None:
        """End the viewer's session, if there is one, expired or not."""
        if viewer.credential is not None:
            session = await self._store.find_one("session", {"token": viewer.credential})
            if session is not None:
                await self.end(writing, [session], reason="signed_out")

    async def end_all(
        self, writing: Writing, user: Document, *, keep: object = None, reason: EndReason
    ) -> None:
        """End every session of the user but the one whose id is `keep`."""
        found = await self._store.find("session", {"userId": user["_id"]})
        await self.end(writing, (each for each in found if each["_id"] != keep), reason=reason)

    async def end(
        self, writing: Writing, sessions: Iterable[Document], *, reason: EndReason
    ) -> None:
        """Delete them, having written why first: whoever sees one gone can say the reason (P6)."""
        for session in sessions:
            stone = tombstone_id(str(session.get("token")))
            said = {"$set": {"reason": reason, "at": self._clock()}}
            await self._note(writing, "session_ended", session, reason=reason)
            await writing.update_one("sessionEnd", {"_id": stone}, said, upsert=True)
            await writing.delete_one("session", {"_id": session["_id"]})

    async def _note(
        self, writing: Writing, kind: EventKind, session: Document, *, reason: str | None = None
    ) -> None:
        user_id, id = format_id(session.get("userId")), format_id(session["_id"])
        await self._events.note(writing, Event(kind, self._clock(), user_id, id, reason))
