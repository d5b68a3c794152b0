"""People: signing up and in with a password, and their profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.credentials import hash_in
from sessionwire.auth.events import Event, Events
from sessionwire.auth.onboarding import onboard
from sessionwire.auth.passwords import Match
from sessionwire.errors import BadRequest, Duplicate, Forbidden, PeerError, Unauthorized
from sessionwire.model import Document, ObjectId, format_id
from sessionwire.policy.emails import canonical_email
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sessionwire.auth.addresses import Addresses
    from sessionwire.auth.credentials import Credentials
    from sessionwire.auth.sessions import Device, Opened, Sessions
    from sessionwire.auth.throttle import Throttle
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Accounts", "SignIn"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """A user and the session that was opened for them."""

    user: Document
    opened: Opened


class Accounts:
    """The users of one database who have a password. It knows no HTTP.

    With `addresses` and `verified_only`, a password signs in only who confirmed their address.
    """

    def __init__(
        self,
        store: Store,
        *,
        sessions: Sessions,
        credentials: Credentials,
        personal_workspace: bool,
        addresses: Addresses | None = None,
        verified_only: bool = False,
        clock: Clock = utc_now,
        events: Events | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._store = store
        self._throttle = throttle
        self._sessions = sessions
        self._credentials = credentials
        self._addresses = addresses
        self._verified_only = verified_only
        self._personal_workspace = personal_workspace
        self._events = events or Events()
        self._clock = clock

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

        Raises BadRequest for the password or the address, and PeerError for an address that is
        taken.
        """
        address = self._checked(name=name, email=email, password=password)
        if await self._store.find_one("user", {"email": address}) is not None:
            _refuse_taken(
                "User already exists. Use another email.",
                code="USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
            )
        user, is_new = await self._create(
            writing, name=name, address=address, password=password, image=image
        )
        if not is_new:
            _refuse_taken("Failed to create user", code="FAILED_TO_CREATE_USER")
        return await self.enter(writing, user, device)

    async def register(
        self,
        writing: Writing,
        *,
        name: str,
        email: str,
        password: str,
        image: str | None,
        target: str | None,
    ) -> Document:
        """A new user, not signed in, who is mailed a link that confirms their address.

        For an address that is taken it is a user who does not exist, after the same work, and its
        owner is told. No mail goes to an address that was sent too many: who owns it signs in, and
        gets another. Raises BadRequest for the password or the address.
        """
        assert self._addresses is not None, "made with addresses"
        address = self._checked(name=name, email=email, password=password)
        mails = await self._may_write_to(address)
        user, is_new = await self._create(
            writing, name=name, address=address, password=password, image=image
        )
        if mails and is_new:
            await self._addresses.send_verification(writing, user, target=target)
        elif mails:
            await self._addresses.tell_taken(writing, address)
        return user

    async def _may_write_to(self, address: str) -> bool:
        """Anybody can sign up with an address of somebody else, and sign in then."""
        return self._throttle is None or await self._throttle.may_write_to(address)

    def _checked(self, *, name: str, email: str, password: str) -> str:
        """The address of a new user. Raises BadRequest."""
        self._credentials.refuse_weak(password, own=(name, email))
        address = canonical_email(email)
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        return address

    async def _create(
        self, writing: Writing, *, name: str, address: str, password: str, image: str | None
    ) -> tuple[Document, bool]:
        """The user, and whether they were written: not if the address is somebody else's.

        The account is written before the user, whose unique address is what makes it real: a crash
        in between leaves an account of nobody, and the address free.
        """
        account = self._credentials.account(ObjectId(), await self._credentials.hash(password))
        user = {
            "_id": account["userId"],
            "name": name,
            "email": address,
            "emailVerified": False,
            **({} if image is None else {"image": image}),
            "createdAt": account["createdAt"],
            "updatedAt": account["updatedAt"],
        }
        await writing.insert_one("account", account)
        try:
            await writing.insert_one("user", user)
        except Duplicate:
            await writing.delete_one("account", {"_id": account["_id"]})
            return user, False
        return user, True

    async def sign_in(
        self,
        writing: Writing,
        *,
        email: str,
        password: str,
        device: Device,
        target: str | None = None,
    ) -> SignIn:
        """A new session for the address and password.

        Raises Unauthorized, after the same work, whether the address is unknown, has no password,
        or has another one; BadRequest for what cannot be an address or a password; Forbidden for
        who is banned, or has to confirm the address first: then a new link, which leads to
        `target`, was mailed.
        """
        address = canonical_email(email)
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        self._credentials.refuse_long(password)
        if self._throttle is not None:
            await self._throttle.admit_account(address, address=device.address)
        user = await self._store.find_one("user", {"email": address})
        account = await self._credentials.of(user)
        match = await self._credentials.verify(account, password)
        if user is None or account is None or match is Match.WRONG:
            _refuse_sign_in()
        if self._throttle is not None:
            await self._throttle.succeeded(address, address=device.address)
        if user.get("banned") is True:
            raise Forbidden("You have been banned", code="BANNED_USER")
        await self._refuse_unconfirmed(writing, user, target=target)
        if match is Match.OUTDATED:
            await self._credentials.rehash(writing, account, password)
        entered = await self.enter(writing, user, device)
        await self._refuse_outrun(writing, entered, seen=account, password=password)
        return entered

    async def _refuse_unconfirmed(
        self, writing: Writing, user: Document, *, target: str | None
    ) -> None:
        if self._addresses is not None and self._verified_only:
            if user.get("emailVerified") is not True:
                if await self._may_write_to(text(user, "email")):
                    await self._addresses.send_verification(writing, user, target=target)
                raise Forbidden("Email not verified", code="EMAIL_NOT_VERIFIED")

    async def enter(self, writing: Writing, user: Document, device: Device) -> SignIn:
        """Open a session for a user that is set up, whoever inserted them."""
        if user.get("onboardedAt") is None:
            await onboard(
                self._store,
                writing,
                user["_id"],
                now=self._clock(),
                personal_workspace=self._personal_workspace,
                events=self._events,
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
        account = await self._credentials.of(entered.user)
        if hash_in(account) == hash_in(seen):
            return
        if await self._credentials.verify(account, password) is Match.WRONG:
            await self._sessions.end(writing, [entered.opened.document], reason="password_changed")
            _refuse_sign_in()

    async def update_profile(
        self, writing: Writing, user: Document, changes: Mapping[str, Any]
    ) -> None:
        """Set these fields, whose names and values the caller has checked."""
        dated = {**changes, "updatedAt": self._clock()}
        updated = Event("user_updated", self._clock(), format_id(user["_id"]))
        await self._events.note(writing, updated)
        await writing.update_one("user", {"_id": user["_id"]}, {"$set": dated})

    async def update_session(
        self, writing: Writing, session: Document, changes: Mapping[str, Any]
    ) -> Document:
        """The session with these fields set; its dates, which say how long it lives, stay."""
        wanted = {"_id": session["_id"]}
        return await writing.find_one_and_update("session", wanted, {"$set": changes}) or session


def _refuse_taken(message: str, *, code: str) -> NoReturn:
    raise PeerError(message, code=code)


def _refuse_sign_in() -> NoReturn:
    raise Unauthorized("Invalid email or password", code="INVALID_EMAIL_OR_PASSWORD")
