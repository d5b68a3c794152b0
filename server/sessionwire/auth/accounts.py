"""People: signing up and in with a password, their profile, and a change of password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Event, Events
from sessionwire.auth.onboarding import onboard
from sessionwire.auth.passwords import Match
from sessionwire.errors import BadRequest, Duplicate, Forbidden, PeerError, Unauthorized
from sessionwire.model import Document, ObjectId, format_id
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.passwords import PasswordFault, fault_of, is_too_long

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.passwords import Passwords
    from sessionwire.auth.sessions import Device, Opened, Sessions
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Accounts", "SignIn"]

_NOBODY: Document = {"_id": "nobody"}
"""Whose account is looked for when there is no such user, for the time that it takes."""

_FAULTS = {
    PasswordFault.TOO_SHORT: "Password too short",
    PasswordFault.TOO_LONG: "Password too long",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """A user and the session that was opened for them."""

    user: Document
    opened: Opened


class Accounts:
    """The users of one database and their passwords. It knows no HTTP."""

    def __init__(
        self,
        store: Store,
        *,
        sessions: Sessions,
        passwords: Passwords,
        personal_workspace: bool,
        clock: Clock = utc_now,
        events: Events | None = None,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._personal_workspace = personal_workspace
        self._clock = clock
        self._events = events or Events()

    async def sign_up(
        self,
        writing: Writing,
        *,
        name: str,
        email: str,
        password: str,
        image: str | None,
        device: Device,
    ) -> SignIn:
        """A new user, set up and signed in.

        The account is written before the user, whose unique address is what makes it real: a crash
        in between leaves an account of nobody, and the address free. Raises BadRequest for the
        password or the address, and PeerError for an address that is taken.
        """
        _refuse_fault(password)
        address = canonical_email(email)
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        if await self._store.find_one("user", {"email": address}) is not None:
            _refuse_taken(
                "User already exists. Use another email.",
                code="USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
            )
        user_id = ObjectId()
        now = self._clock()
        dates = {"createdAt": now, "updatedAt": now}
        account = {
            "_id": ObjectId(),
            "userId": user_id,
            "providerId": "credential",
            "accountId": format_id(user_id),
            "password": await self._passwords.hash(password),
            **dates,
        }
        picture = {} if image is None else {"image": image}
        user = {"name": name, "email": address, "emailVerified": False, **picture, **dates}
        await writing.insert_one("account", account)
        try:
            await writing.insert_one("user", {"_id": user_id, **user})
        except Duplicate:
            await writing.delete_one("account", {"_id": account["_id"]})
            _refuse_taken("Failed to create user", code="FAILED_TO_CREATE_USER")
        return await self.enter(writing, {"_id": user_id, **user}, device)

    async def sign_in(
        self, writing: Writing, *, email: str, password: str, device: Device
    ) -> SignIn:
        """A new session for the address and password.

        Raises Unauthorized, after the same work, whether the address is unknown, has no password,
        or has another one; BadRequest for what cannot be an address or a password.
        """
        address = canonical_email(email)
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        if is_too_long(password):
            _refuse_fault(password)
        user = await self._store.find_one("user", {"email": address})
        account = await self._credential(user or _NOBODY)
        match = await self._passwords.verify(_hash_in(account), password)
        if user is None or account is None or match is Match.WRONG:
            _refuse_sign_in()
        if user.get("banned") is True:
            raise Forbidden("You have been banned", code="BANNED_USER")
        if match is Match.OUTDATED:
            await self._rehash(writing, account, password)
        entered = await self.enter(writing, user, device)
        await self._refuse_outrun(writing, entered, seen=account, password=password)
        return entered

    async def enter(self, writing: Writing, user: Document, device: Device) -> SignIn:
        """Open a session for a user that is set up, whoever inserted them."""
        if user.get("onboardedAt") is None:
            await onboard(
                self._store,
                writing,
                user["_id"],
                now=self._clock(),
                personal_workspace=self._personal_workspace,
            )
            user = await self._store.find_one("user", {"_id": user["_id"]}) or user
        return SignIn(user, await self._sessions.open(writing, user, device))

    async def _refuse_outrun(
        self, writing: Writing, entered: SignIn, *, seen: Document, password: str
    ) -> None:
        """End the new session if the password was changed while it was checked.

        The change writes the new hash, then ends the sessions that it finds: it either finds this
        one, or its hash is found here.
        """
        account = await self._credential(entered.user)
        if _hash_in(account) == _hash_in(seen):
            return
        if await self._passwords.verify(_hash_in(account), password) is Match.WRONG:
            await self._sessions.end(writing, [entered.opened.document], reason="password_changed")
            _refuse_sign_in()

    async def _credential(self, user: Document) -> Document | None:
        return await self._store.find_one(
            "account", {"userId": user["_id"], "providerId": "credential"}, sort="_id"
        )

    async def _rehash(self, writing: Writing, account: Document, password: str) -> None:
        await writing.update_one(
            "account",
            {"_id": account["_id"], "password": account["password"]},
            {"$set": {"password": await self._passwords.hash(password)}},
        )

    async def update_profile(
        self, writing: Writing, user: Document, changes: Mapping[str, str | None]
    ) -> None:
        """Set `name` and `image`, those of them that are given."""
        assert changes.keys() <= {"name", "image"}
        dated = {**changes, "updatedAt": self._clock()}
        await writing.update_one("user", {"_id": user["_id"]}, {"$set": dated})

    async def change_password(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        current: str,
        new: str,
        device: Device | None,
    ) -> Opened | None:
        """Replace the password, and end all sessions but this one.

        With a `device` this one ends too, and another is opened for it. Raises BadRequest.
        """
        _refuse_fault(new)
        await self._replace(writing, who.user, current=current, new=new)
        opened = None
        if device is not None:
            opened = await self._sessions.open(writing, who.user, device)
        kept = who.session if opened is None else opened.document
        await self._sessions.end_all(writing, who.user, keep=kept["_id"], reason="password_changed")
        return opened

    async def _replace(self, writing: Writing, user: Document, *, current: str, new: str) -> None:
        """Write the new hash over the one that `current` was checked against, and over no other."""
        hashed: str | None = None
        while True:
            account = await self._credential(user)
            stored = _hash_in(account)
            if account is None or stored is None:
                raise BadRequest(
                    "Credential account not found", code="CREDENTIAL_ACCOUNT_NOT_FOUND"
                )
            too_long = is_too_long(current)
            if too_long or await self._passwords.verify(stored, current) is Match.WRONG:
                raise BadRequest("Invalid password", code="INVALID_PASSWORD")
            hashed = hashed or await self._passwords.hash(new)
            change: dict[str, Any] = {"password": hashed, "updatedAt": self._clock()}
            changed = Event(
                "credential_changed", self._clock(), format_id(user["_id"]), reason="password"
            )
            await self._events.note(writing, changed)
            unchanged = {"_id": account["_id"], "password": stored}
            if await writing.update_one("account", unchanged, {"$set": change}):
                return


def _hash_in(account: Document | None) -> str | None:
    stored = None if account is None else account.get("password")
    return stored if isinstance(stored, str) else None


def _refuse_fault(password: str) -> None:
    fault = fault_of(password)
    if fault is not None:
        raise BadRequest(_FAULTS[fault], code=fault.value)


def _refuse_taken(message: str, *, code: str) -> NoReturn:
    raise PeerError(message, code=code)


def _refuse_sign_in() -> NoReturn:
    raise Unauthorized("Invalid email or password", code="INVALID_EMAIL_OR_PASSWORD")
