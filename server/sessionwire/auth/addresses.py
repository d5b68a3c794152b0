"""E-mail addresses: confirmed by a link in a mail, and changed.

A link is bound to the address that its user had when it was made: with another address it is worth
nothing, whatever became of the change in between.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Event, Events
from sessionwire.auth.mail import letter
from sessionwire.errors import BadRequest, Duplicate
from sessionwire.model import Document, ObjectId, format_id, parse_id
from sessionwire.policy import letters
from sessionwire.policy.emails import canonical_email
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.foreign_links import ForeignLinks
    from sessionwire.auth.mail import Post
    from sessionwire.auth.throttle import Throttle
    from sessionwire.auth.verifications import Purpose, Verifications
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = ["LINK_LIFETIME", "Addresses"]

LINK_LIFETIME = timedelta(hours=1)


class Addresses:
    """The addresses of one database's users. It signs nobody in.

    `foreign` reads the links of a better-auth server on the same database.
    """

    def __init__(
        self,
        store: Store,
        *,
        verifications: Verifications,
        post: Post,
        base_url: str,
        foreign: ForeignLinks | None = None,
        clock: Clock = utc_now,
        events: Events | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._store = store
        self._throttle = throttle
        self._verifications = verifications
        self._post = post
        self._base_url = base_url
        self._foreign = foreign
        self._clock = clock
        self._events = events or Events()

    async def send_verification(
        self, writing: Writing, user: Document, *, target: str | None
    ) -> None:
        """Mail the user a link that confirms their address; it ends the one before."""
        address = text(user, "email")
        token = await self._issue(writing, "verify-email", user["_id"], {"email": address})
        words = letters.verify_address(base_url=self._base_url, token=token, target=target)
        self._post.send(letter("verify_email", words, to=address))

    async def request_verification(
        self, writing: Writing, *, email: str, target: str | None
    ) -> None:
        """`send_verification`, asked for by nobody knows whom.

        The same is written for an address that is unknown, or confirmed already; only no mail is
        sent. Nothing is done for an address that was written to too often.
        """
        if self._throttle is not None and not await self._throttle.may_write_to(email):
            return
        address = canonical_email(email)
        user = await self._store.find_one("user", {"email": address or ""})
        if user is None or user.get("emailVerified") is True:
            await self._issue(writing, "verify-email", ObjectId(), {"email": address})
        else:
            await self.send_verification(writing, user, target=target)

    async def tell_taken(self, writing: Writing, address: str) -> None:
        """Tell who owns the address that somebody signed up with it.

        The same is written as for an address that was free.
        """
        await self._issue(writing, "verify-email", ObjectId(), {"email": address})
        words = letters.address_taken(base_url=self._base_url)
        self._post.send(letter("address_taken", words, to=address))

    async def change(
        self, writing: Writing, who: SignedIn, *, email: str, target: str | None
    ) -> bool:
        """Give the user another address; whether it was changed at once.

        An address that was never confirmed is changed at once; a confirmed one when the link in a
        mail to the new address is followed. One that is taken changes nothing, and is not told
        apart. Raises BadRequest for the address that it is already, and TooManyRequests.
        """
        user, new = who.user, canonical_email(email)
        if new is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        if new == text(user, "email"):
            raise BadRequest("Email is the same", code="EMAIL_IS_THE_SAME")
        if self._throttle is not None:
            await self._throttle.admit_letter(new)
        taken = await self._store.find_one("user", {"email": new}) is not None
        if user.get("emailVerified") is True:
            await self._offer(writing, user, new, target=target, taken=taken)
            return False
        moved = None if taken else await self._move(writing, user, new, confirmed=False)
        if moved is None:
            await self._issue(writing, "verify-email", ObjectId(), {"email": new})
            return False
        await self.send_verification(writing, moved, target=target)
        return True

    async def _offer(
        self, writing: Writing, user: Document, new: str, *, target: str | None, taken: bool
    ) -> None:
        """Mail a link to the new address, unless it is somebody else's."""
        value = {"email": text(user, "email"), "new": new}
        token = await self._issue(writing, "change-email", user["_id"], value)
        if not taken:
            words = letters.change_address(base_url=self._base_url, token=token, target=target)
            self._post.send(letter("change_email", words, to=new))

    async def verify(self, writing: Writing, token: str) -> Document | None:
        """The user, whose address is confirmed or changed now; None for a token good for nothing.

        Of many that present one token, one gets an answer.
        """
        value = await self._verifications.take(writing, "verify-email", token)
        if value is not None:
            return await self._confirm(writing, await self._bound(value))
        value = await self._verifications.take(writing, "change-email", token)
        if value is not None:
            user = await self._bound(value)
            new = str(value["new"])
            return user and await self._move(writing, user, new, confirmed=True)
        return await self._follow(writing, token)

    async def _follow(self, writing: Writing, token: str) -> Document | None:
        """What better-auth's signed tokens say; confirming twice confirms, changing twice fails."""
        claim = None if self._foreign is None else self._foreign.claim(token)
        if claim is None:
            return None
        user = await self._store.find_one("user", {"email": claim.email})
        if user is None or claim.user_id not in (None, format_id(user["_id"])):
            return None
        if claim.update_to is None:
            return await self._confirm(writing, user)
        if claim.user_id is None:
            return None
        if claim.step == "change-email-verification":
            return await self._move(writing, user, claim.update_to, confirmed=True)
        taken = await self._store.find_one("user", {"email": claim.update_to}) is not None
        await self._offer(writing, user, claim.update_to, target=None, taken=taken)
        return user

    async def _bound(self, value: Mapping[str, Any]) -> Document | None:
        """The user of a token, if they still have the address that it was made for."""
        wanted = {"_id": parse_id(value["user"]), "email": value["email"]}
        return await self._store.find_one("user", wanted)

    async def _confirm(self, writing: Writing, user: Document | None) -> Document | None:
        if user is None or user.get("emailVerified") is True:
            return user
        change = {"emailVerified": True, "updatedAt": self._clock()}
        same = {"_id": user["_id"], "email": user["email"]}
        return await writing.find_one_and_update("user", same, {"$set": change})

    async def _move(
        self, writing: Writing, user: Document, new: str, *, confirmed: bool
    ) -> Document | None:
        """The user with the new address, or None when somebody else has it, or theirs changed.

        Every link that was mailed to the old address ends.
        """
        old, id = text(user, "email"), format_id(user["_id"])
        change = {"email": new, "emailVerified": confirmed, "updatedAt": self._clock()}

        async def work() -> Document | None:
            await self._events.note(writing, Event("email_changed", self._clock(), id))
            same = {"_id": user["_id"], "email": old}
            moved = await writing.find_one_and_update("user", same, {"$set": change})
            if moved is None:
                raise Duplicate
            await self._verifications.forget_all(writing, subject=id)
            if self._foreign is not None:
                await self._foreign.forget_resets(writing, id)
            return moved

        try:
            moved = await writing.atomically("user", user["_id"], work)
        except Duplicate:
            return None
        if user.get("emailVerified") is True:
            words = letters.address_changed(base_url=self._base_url)
            self._post.send(letter("email_changed", words, to=old))
        return moved

    async def _issue(
        self, writing: Writing, purpose: Purpose, user_id: object, value: Mapping[str, Any]
    ) -> str:
        id = format_id(user_id)
        return await self._verifications.issue(
            writing, purpose, value={"user": id, **value}, lifetime=LINK_LIFETIME, subject=id
        )
