"""Deleting a user, and everything that is only theirs.

One transaction: a crash before its end leaves all as it was, a crash after it nothing to be done.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NoReturn

from sessionwire.auth.addresses import LINK_LIFETIME
from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Event, Events
from sessionwire.auth.mail import letter
from sessionwire.auth.memberships import effective, user_of
from sessionwire.errors import BadRequest, PeerError
from sessionwire.model import Document, format_id
from sessionwire.policy import letters
from sessionwire.policy.roles import has_role
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from sessionwire.auth.credentials import Credentials
    from sessionwire.auth.foreign_links import ForeignLinks
    from sessionwire.auth.mail import Post
    from sessionwire.auth.sessions import Sessions
    from sessionwire.auth.verifications import Verifications
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Removal", "UnknownToken"]


class UnknownToken(PeerError):
    """A link that deletes nobody, or somebody else."""

    code = "INVALID_TOKEN"
    status = 404


class Removal:
    """Deletes users who prove that they want it: by password, by a recent sign-in, or by mail."""

    def __init__(
        self,
        store: Store,
        *,
        verifications: Verifications,
        credentials: Credentials,
        sessions: Sessions,
        post: Post,
        base_url: str,
        foreign: ForeignLinks | None = None,
        clock: Clock = utc_now,
        events: Events | None = None,
    ) -> None:
        self._store = store
        self._verifications = verifications
        self._credentials = credentials
        self._sessions = sessions
        self._post = post
        self._base_url = base_url
        self._foreign = foreign
        self._clock = clock
        self._events = events or Events()

    async def request(
        self, writing: Writing, who: SignedIn, *, password: str | None, target: str | None
    ) -> bool:
        """Delete the user; False when a link in a mail has to be followed first.

        That is for who has no password, and signed in too long ago. Raises BadRequest for a wrong
        password, for an old session of who has one, and as `delete` does.
        """
        if password is not None:
            await self._credentials.confirm(who.user, password)
        elif not self._sessions.is_fresh(who.session):
            await self._send(writing, who.user, target=target)
            return False
        await self.delete(writing, who.user)
        return True

    async def follow(self, writing: Writing, who: SignedIn, token: str) -> None:
        """Delete the user by the link that was mailed to them. Raises UnknownToken, BadRequest."""
        mine = {"user": format_id(who.user["_id"])}
        if await self._verifications.peek("delete-account", token) != mine:
            raise UnknownToken("Invalid token")
        if await self._verifications.take(writing, "delete-account", token) is None:
            raise UnknownToken("Invalid token")
        await self.delete(writing, who.user)

    async def delete(self, writing: Writing, user: Document) -> None:
        """Delete the user with their sessions, accounts, memberships, links and invitations.

        An organization in which nobody is left goes with them. Raises BadRequest for one that
        would be left without an owner.
        """

        async def work() -> None:
            await self._leave_organizations(writing, user)
            await self._erase(writing, user)

        await writing.atomically("user", user["_id"], work)
        await self._sweep(writing, user)

    async def _sweep(self, writing: Writing, user: Document) -> None:
        """Delete what was under way meanwhile, and was not seen: a sign-in, a membership."""
        await self._sessions.end_all(writing, user, reason="deleted")
        if await self._store.find_one("member", {"userId": user["_id"]}) is not None:
            with contextlib.suppress(BadRequest):  # it is too late to refuse
                await writing.atomically(
                    "user", user["_id"], lambda: self._leave_organizations(writing, user)
                )

    async def _send(self, writing: Writing, user: Document, *, target: str | None) -> None:
        if await self._credentials.of(user) is not None:
            raise BadRequest(
                "Session expired. Re-authenticate to perform this action.", code="SESSION_EXPIRED"
            )
        id = format_id(user["_id"])
        token = await self._verifications.issue(
            writing, "delete-account", value={"user": id}, lifetime=LINK_LIFETIME, subject=id
        )
        words = letters.delete_account(base_url=self._base_url, token=token, target=target)
        self._post.send(letter("delete_user", words, to=text(user, "email")))

    async def _leave_organizations(self, writing: Writing, user: Document) -> None:
        mine = await writing.find("member", {"userId": user["_id"]})
        for id in {each["organizationId"] for each in effective(mine, by="organizationId")}:
            # The lock that every change of roles takes: two last owners cannot go at once.
            await writing.lock("organization", id)
            others = await self._others(writing, id, user)
            owner = any(
                has_role(text(each, "role"), "owner")
                for each in mine
                if each.get("organizationId") == id
            )
            if not others:
                await writing.delete_many("invitation", {"organizationId": id})
                await writing.delete_many("member", {"organizationId": id})
                await writing.delete_one("organization", {"_id": id})
            elif owner and not any(has_role(text(each, "role"), "owner") for each in others):
                _refuse_last_owner()
        await writing.delete_many("member", {"userId": user["_id"]})

    async def _others(
        self, writing: Writing, organization_id: object, user: Document
    ) -> list[Document]:
        """The other members, as far as they exist: other programs delete users and no members."""
        wanted = {"organizationId": organization_id, "userId": {"$ne": user["_id"]}}
        found = await writing.find("member", wanted)
        ids = [id for each in found if (id := user_of(each)) is not None]
        there = {each["_id"] for each in await writing.find("user", {"_id": {"$in": ids}})}
        return [each for each in found if user_of(each) in there]

    async def _erase(self, writing: Writing, user: Document) -> None:
        id = format_id(user["_id"])
        await writing.delete_many("invitation", {"inviterId": user["_id"]})
        await self._verifications.forget_all(writing, subject=id)
        if self._foreign is not None:
            await self._foreign.forget_resets(writing, id)
        await writing.delete_many("account", {"userId": user["_id"]})
        found = await writing.find("session", {"userId": user["_id"]})
        await self._sessions.end(writing, found, reason="deleted")
        await self._events.note(writing, Event("user_deleted", self._clock(), id))
        await writing.delete_one("user", {"_id": user["_id"]})


def _refuse_last_owner() -> NoReturn:
    raise BadRequest(
        "You are the only owner of an organization with other members. "
        "Make one of them an owner, or delete the organization, first.",
        code="YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER",
    )
