"""Invitations into organizations: made and mailed, shown, accepted, rejected and cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.auth import invitees, inviting
from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.mail import letter
from sessionwire.auth.members import refuse_outsider, refuse_unknown
from sessionwire.auth.memberships import OLDEST, member_id, membership
from sessionwire.auth.offers import Offers, Shown
from sessionwire.auth.organizations import refuse_not_found
from sessionwire.errors import BadRequest, Forbidden, Unauthorized
from sessionwire.model import Document, ObjectId, parse_id
from sessionwire.policy import letters
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.roles import may, split_roles
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.auth.mail import Post
    from sessionwire.auth.organizations import Organizations
    from sessionwire.auth.throttle import Throttle
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Accepted", "Invitations", "Shown"]

_PENDING_LIMIT = 100
_MEMBERS_LIMIT = 100
_LIST_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Accepted:
    """An invitation that was taken, and the membership that came of it."""

    invitation: Document
    member: Document


class Invitations:
    """The invitations of one database. Who makes, takes or cancels one locks the organization.

    With `verified` only a confirmed address takes or rejects one.
    """

    def __init__(
        self,
        store: Store,
        *,
        organizations: Organizations,
        post: Post,
        base_url: str,
        verified: bool,
        clock: Clock = utc_now,
        throttle: Throttle | None = None,
    ) -> None:
        self._throttle = throttle
        self._store = store
        self._organizations = organizations
        self._post = post
        self._base_url = base_url
        self._verified = verified
        self._clock = clock
        self._offers = Offers(store, clock=clock)

    async def invite(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        email: str,
        roles: Sequence[str],
        organization: str | None,
        resend: bool = False,
    ) -> Document:
        """The invitation, which is mailed, into the organization of this id, or else the active.

        With `resend` one that stands is prolonged and mailed again, and keeps its id and roles.
        Raises BadRequest, Forbidden for who may not invite, or not with these roles, and
        TooManyRequests for an address that was written to too often.
        """
        id = self._organizations.meant(who, organization)
        if id is None:
            refuse_not_found()
        address = canonical_email(email)
        if address is None:
            raise BadRequest("Invalid email", code="INVALID_EMAIL")
        if self._throttle is not None:
            await self._throttle.admit_letter(address)

        async def work() -> tuple[Document, Document]:
            role = await inviting.role_of(writing, id, who, roles)
            await inviting.refuse_member(writing, id, address)
            found = await writing.find_one("organization", {"_id": id})
            if found is None:
                refuse_not_found()
            standing = await self._standing(writing, id)
            same = [each for each in standing if text(each, "email").lower() == address]
            if same and not resend:
                raise BadRequest(
                    "User is already invited to this organization",
                    code="USER_IS_ALREADY_INVITED_TO_THIS_ORGANIZATION",
                )
            if same:
                invitees.refuse_above(role, split_roles(text(same[0], "role")))
                ends_at = self._clock() + inviting.LIFETIME
                return found, await _change(writing, same[0], expiresAt=ends_at)
            if len(standing) >= _PENDING_LIMIT:
                raise Forbidden("Invitation limit reached", code="INVITATION_LIMIT_REACHED")
            made = inviting.draft(id, who, email=address, roles=roles, now=self._clock())
            await writing.insert_one("invitation", made)
            return found, made

        made_in, invitation = await writing.atomically("organization", id, work)
        words = letters.invitation(
            base_url=self._base_url,
            id=str(invitation["_id"]),
            organization=text(made_in, "name"),
            inviter=text(who.user, "email"),
        )
        self._post.send(letter("invitation", words, to=address))
        return invitation

    async def accept(self, writing: Writing, who: SignedIn, *, id: str) -> Accepted:
        """The invitation, and the membership, whose organization is active now.

        Of many that accept it at once, one does. Who is a member already stays what they are.
        Raises BadRequest for what does not stand, and Forbidden.
        """
        into = invitees.organization_of(
            await self._offers.standing(who.user, id, source=self._store)
        )

        async def work() -> Accepted:
            user = await writing.find_one("user", {"_id": who.user["_id"]})
            if user is None:
                raise Unauthorized("Unauthorized")
            invitation = await self._offers.standing(user, id, source=writing)
            if self._verified:
                invitees.refuse_unverified(user)
            if await writing.find_one("organization", {"_id": into}) is None:
                invitees.refuse_absent()
            member = await membership(writing, into, user["_id"])
            if member is None:
                member = await self._join(writing, into, user, role=text(invitation, "role"))
            accepted = await _change(writing, invitation, status="accepted")
            await self._organizations.point(writing, who, str(into))
            return Accepted(accepted, member)

        return await writing.atomically("organization", into, work)

    async def reject(self, writing: Writing, who: SignedIn, *, id: str) -> Document:
        """The invitation, which may have expired. Raises BadRequest, Forbidden."""
        wanted = {"_id": parse_id(id), "status": "pending"}
        found = await self._store.find_one("invitation", wanted)
        if found is None:
            invitees.refuse_absent("Invitation not found!")
        invitees.refuse_others(found, who.user)
        if self._verified:
            invitees.refuse_unverified(who.user)
        change = {"$set": {"status": "rejected"}}
        rejected = await writing.find_one_and_update("invitation", wanted, change)
        return invitees.refuse_absent("Invitation not found!") if rejected is None else rejected

    async def cancel(self, writing: Writing, who: SignedIn, *, id: str) -> Document:
        """The invitation, which nobody can accept any more; it may have been cancelled before.

        Raises BadRequest for one that was accepted or rejected, Forbidden for who may not.
        """
        wanted = {"_id": parse_id(id)}
        found = await self._store.find_one("invitation", wanted)
        if found is None:
            invitees.refuse_absent()
        into = invitees.organization_of(found)

        async def work() -> Document:
            invitation = await writing.find_one("invitation", wanted)
            mine = await membership(writing, into, who.user["_id"])
            if mine is None:
                refuse_unknown()
            if not may(text(mine, "role"), {"invitation": ["cancel"]}):
                raise Forbidden(
                    "You are not allowed to cancel this invitation",
                    code="YOU_ARE_NOT_ALLOWED_TO_CANCEL_THIS_INVITATION",
                )
            if invitation is None or invitation.get("status") not in ("pending", "canceled"):
                invitees.refuse_absent()
            return await _change(writing, invitation, status="canceled")

        return await writing.atomically("organization", into, work)

    async def shown(self, who: SignedIn, *, id: str) -> Shown:
        """An invitation to its recipient. Raises BadRequest, and Forbidden for others."""
        return await self._offers.shown(who.user, id)

    async def of_user(self, who: SignedIn) -> list[Shown]:
        """What the user is invited to, expired or not, oldest first.

        Raises Forbidden while the address is not confirmed.
        """
        invitees.refuse_unverified(who.user)
        return await self._offers.of_user(who.user)

    async def of_organization(self, who: SignedIn, *, id: str | None) -> list[Document]:
        """All invitations, oldest first, into the organization of this id, or else the active one.

        Raises BadRequest without one, and Forbidden for who may not invite.
        """
        meant = self._organizations.meant(who, id)
        if meant is None:
            raise BadRequest("Organization ID is required", code="NO_ACTIVE_ORGANIZATION")
        mine = await membership(self._store, meant, who.user["_id"])
        if mine is None:
            refuse_outsider()
        if not may(text(mine, "role"), {"invitation": ["create"]}):
            raise Forbidden(
                "You are not allowed to list invitations for this organization",
                code="YOU_ARE_NOT_ALLOWED_TO_LIST_INVITATIONS",
            )
        return await self._store.find(
            "invitation", {"organizationId": meant}, sort=OLDEST, limit=_LIST_LIMIT
        )

    async def _standing(self, writing: Writing, id: object) -> list[Document]:
        wanted = {"organizationId": id, "status": "pending", "expiresAt": {"$gt": self._clock()}}
        return await writing.find("invitation", wanted, sort=OLDEST)

    async def _join(
        self, writing: Writing, id: ObjectId | str, user: Document, *, role: str
    ) -> Document:
        if len(await writing.find("member", {"organizationId": id})) >= _MEMBERS_LIMIT:
            raise Forbidden(
                "Organization membership limit reached",
                code="ORGANIZATION_MEMBERSHIP_LIMIT_REACHED",
            )
        member = {
            "_id": member_id(id, user["_id"]),
            "organizationId": id,
            "userId": user["_id"],
            "role": role or "member",
            "createdAt": self._clock(),
        }
        await writing.insert_one("member", member)
        return member


async def _change(writing: Writing, invitation: Document, **fields: object) -> Document:
    wanted = {"_id": invitation["_id"]}
    changed = await writing.find_one_and_update("invitation", wanted, {"$set": fields})
    return invitees.refuse_absent() if changed is None else changed
