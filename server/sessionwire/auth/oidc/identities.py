"""The accounts that people have with providers: whose they are, and how they become somebody's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sessionwire.auth.events import Event
from sessionwire.auth.oidc.faults import NotAdmitted
from sessionwire.errors import BadRequest, Duplicate, Forbidden
from sessionwire.model import Document, ObjectId, format_id, parse_id
from sessionwire.policy.linking import (
    Address,
    Decision,
    Owner,
    decide_link,
    decide_sign_in,
    may_unlink,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from sessionwire.auth.accounts import Accounts, SignIn
    from sessionwire.auth.clock import Clock
    from sessionwire.auth.events import Events
    from sessionwire.auth.oidc.issuer import Tokens
    from sessionwire.auth.oidc.profile import Profile
    from sessionwire.auth.sessions import Device
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Identities", "Person", "account_id"]

_Result = TypeVar("_Result")
_ATTEMPTS = 4


def account_id(provider_id: str, subject: str) -> ObjectId:
    """The `_id` of the account of this subject: two that make it at once make one."""
    return ObjectId(hashlib.sha256(f"account:{provider_id}:{subject}".encode()).digest()[:12])


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a provider vouches for."""

    provider_id: str
    profile: Profile
    tokens: Tokens
    scopes: tuple[str, ...]
    """What the provider granted."""


class Identities:
    """Accounts and their users. It does not judge tokens: who comes here was vouched for.

    With `keeps_tokens` a provider's tokens are stored, as better-auth does, else forgotten.
    """

    def __init__(
        self,
        store: Store,
        *,
        accounts: Accounts,
        events: Events,
        clock: Clock,
        keeps_tokens: bool,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._events = events
        self._clock = clock
        self._keeps_tokens = keeps_tokens

    async def enter(
        self, writing: Writing, person: Person, *, sign_up: bool, device: Device
    ) -> tuple[SignIn, bool]:
        """A new session of the person's user, and whether the user is new.

        Raises NotAdmitted with the code of the decision, and Forbidden for a banned user.
        """
        user, account = await self._owner(person)
        new = user is None
        if user is None:
            user, new = await self._settled(writing, person, sign_up=sign_up)
        elif account is not None and self._keeps_tokens:
            await writing.update_one(
                "account", {"_id": account["_id"]}, {"$set": self._tokens_of(person)}
            )
        if user.get("banned") is True:
            raise Forbidden("You have been banned", code="BANNED_USER")
        return await self._accounts.enter(writing, user, device), new

    async def _owner(self, person: Person) -> tuple[Document | None, Document | None]:
        """The user that the account belongs to, and the account."""
        account = await self._store.find_one("account", _key(person), sort="_id")
        if account is None:
            return None, None
        return await self._store.find_one("user", {"_id": account.get("userId")}), account

    async def _settled(
        self, writing: Writing, person: Person, *, sign_up: bool
    ) -> tuple[Document, bool]:
        """The user whose the account is from now on, and whether they are new."""

        async def work() -> tuple[Document, bool]:
            user = await self._known(writing, person)
            address, local = await self._address(writing, person)
            decision = decide_sign_in(
                known=user is not None,
                address=address,
                verified=person.profile.email_verified,
                sign_up=sign_up,
            )
            if user is not None and decision is Decision.ENTER:
                return user, False
            if local is not None and decision is Decision.JOIN:
                await self._join(writing, person, local)
                return local, False
            if decision is Decision.CREATE:
                return await self._create(writing, person), True
            raise NotAdmitted(decision.value)

        return await self._alone(writing, person, work, otherwise="unable_to_create_user")

    async def _alone(
        self,
        writing: Writing,
        person: Person,
        work: Callable[[], Awaitable[_Result]],
        *,
        otherwise: str,
    ) -> _Result:
        """What `work` returns, as a transaction; run again when another one took what it needs."""
        id = account_id(person.provider_id, person.profile.subject)
        noted = len(writing.notes)
        for _ in range(_ATTEMPTS):
            del writing.notes[noted:]
            try:
                return await writing.atomically("account", id, work)
            except Duplicate:
                continue
        raise NotAdmitted(otherwise)

    async def _known(self, writing: Writing, person: Person) -> Document | None:
        """The account's user; an account that outlived its user is deleted."""
        account = await writing.find_one("account", _key(person))
        if account is None:
            return None
        user = await writing.find_one("user", {"_id": account.get("userId")})
        if user is None:
            await writing.delete_one("account", {"_id": account["_id"]})
        return user

    async def _address(self, writing: Writing, person: Person) -> tuple[Address, Document | None]:
        if person.profile.email is None:
            return Address.MISSING, None
        local = await writing.find_one("user", {"email": person.profile.email})
        if local is None:
            return Address.FREE, None
        proven = local.get("emailVerified") is True
        return (Address.PROVEN if proven else Address.CLAIMED), local

    async def _create(self, writing: Writing, person: Person) -> Document:
        now, profile = self._clock(), person.profile
        user: dict[str, Any] = {
            "_id": ObjectId(),
            "name": profile.name,
            "email": profile.email,
            "emailVerified": profile.email_verified,
            **({} if profile.image is None else {"image": profile.image}),
            "createdAt": now,
            "updatedAt": now,
        }
        await writing.insert_one("user", user)
        await writing.insert_one("account", self._account(person, user))
        return user

    async def _join(self, writing: Writing, person: Person, user: Document) -> None:
        """Give the account to the user, who is locked: they cannot be deleted at the same time."""
        await writing.lock("user", user["_id"])
        await self._note_change(writing, user, person.provider_id)
        await writing.insert_one("account", self._account(person, user))

    async def link(self, writing: Writing, user: Document, person: Person) -> None:
        """Make the account one of the user's. Raises NotAdmitted when it is another's."""

        async def work() -> None:
            if await writing.find_one("user", {"_id": user["_id"]}) is None:
                raise NotAdmitted("unable_to_link_account")
            owner = await self._known(writing, person)
            decision = decide_link(_owner_of(owner, user))
            if decision is Decision.JOIN:
                await self._join(writing, person, user)
            elif decision is not Decision.KEEP:
                raise NotAdmitted(decision.value)

        await self._alone(writing, person, work, otherwise="unable_to_link_account")

    async def of_user(self, user: Document) -> list[Document]:
        """The user's accounts, oldest first, the one with the password among them."""
        return await self._store.find(
            "account", {"userId": user["_id"]}, sort=[("createdAt", 1), ("_id", 1)]
        )

    async def unlink(
        self, writing: Writing, user: Document, id: str, *, providers: Collection[str]
    ) -> None:
        """Take the account of this id from its user.

        Raises BadRequest for one that is not theirs, and for the last that they can sign in with.
        """
        noted = len(writing.notes)

        async def work() -> None:
            del writing.notes[noted:]
            theirs = await writing.find("account", {"userId": user["_id"]})
            wanted = [each for each in theirs if each["_id"] == parse_id(id)]
            if not wanted:
                raise BadRequest("Account not found", code="ACCOUNT_NOT_FOUND")
            if not may_unlink(wanted[0], theirs, providers=providers):
                raise BadRequest(
                    "You can't unlink your last account", code="FAILED_TO_UNLINK_LAST_ACCOUNT"
                )
            reason = str(wanted[0].get("providerId"))
            named = "password" if reason == "credential" else reason
            await self._note_change(writing, user, named)
            await writing.delete_one("account", {"_id": wanted[0]["_id"]})

        await writing.atomically("user", user["_id"], work)

    async def _note_change(self, writing: Writing, user: Document, credential: str) -> None:
        id = format_id(user["_id"])
        event = Event("credential_changed", self._clock(), id, reason=credential)
        await self._events.note(writing, event)

    def _account(self, person: Person, user: Document) -> dict[str, Any]:
        now = self._clock()
        return {
            "_id": account_id(person.provider_id, person.profile.subject),
            "userId": user["_id"],
            **_key(person),
            "scope": ",".join(person.scopes),
            **(self._tokens_of(person) if self._keeps_tokens else {}),
            "createdAt": now,
            "updatedAt": now,
        }

    def _tokens_of(self, person: Person) -> dict[str, Any]:
        tokens, now = person.tokens, self._clock()
        seconds = tokens.expires_in
        given = {
            "accessToken": tokens.access_token,
            "refreshToken": tokens.refresh_token,
            "idToken": tokens.id_token,
            "accessTokenExpiresAt": None if seconds is None else now + timedelta(seconds=seconds),
            "updatedAt": now,
        }
        return {name: value for name, value in given.items() if value is not None}


def _key(person: Person) -> dict[str, str]:
    return {"providerId": person.provider_id, "accountId": person.profile.subject}


def _owner_of(owner: Document | None, user: Document) -> Owner:
    if owner is None:
        return Owner.NOBODY
    return Owner.SELF if owner["_id"] == user["_id"] else Owner.OTHER
