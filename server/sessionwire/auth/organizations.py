"""Organizations: made, listed, made active, and shown with their members."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.memberships import (
    OLDEST,
    Person,
    effective,
    member_id,
    membership,
    memberships,
    people,
)
from sessionwire.errors import BadRequest, Duplicate, Forbidden, Unauthorized
from sessionwire.model import Document, ObjectId, format_id, parse_id
from sessionwire.policy.roles import has_role, may
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = [
    "Full",
    "Organizations",
    "metadata_text",
    "refuse_not_found",
    "refuse_stranger",
]


@dataclass(frozen=True, slots=True)
class Full:
    """An organization, its first members, and the invitations that the viewer may see."""

    organization: Document
    members: list[Person]
    invitations: list[Document]


class Organizations:
    """The organizations of one database.

    Which one is active stands in the user document and is mirrored to the session; with
    `active_organization` "session" it stands in the session alone.
    """

    def __init__(
        self,
        store: Store,
        *,
        active_organization: Literal["user", "session"],
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._active_organization = active_organization
        self._clock = clock

    def pointer(self, who: SignedIn) -> ObjectId | str | None:
        """Which organization is said to be active; whether it is theirs still has to be asked."""
        holder = who.user if self._active_organization == "user" else who.session
        pointed = holder.get("activeOrganizationId")
        if isinstance(pointed, str) and pointed:
            return parse_id(pointed)
        return pointed if isinstance(pointed, ObjectId) else None

    async def pinned(self, who: SignedIn, pin: str) -> SignedIn:
        """The same, in this organization. Raises Forbidden for one that is not theirs."""
        here = replace(who, pin=parse_id(pin))
        if await membership(self._store, here.pin, who.user["_id"]) is None:
            refuse_stranger()
        return here

    def meant(self, who: SignedIn, id: str | None) -> ObjectId | str | None:
        """The organization of this id, else the pinned one, else the one said to be active."""
        if id:
            return parse_id(id)
        return self.pointer(who) if who.pin is None else who.pin

    async def active(self, who: SignedIn) -> Document | None:
        """The pinned organization, else the active one, if the user is a member of it."""
        pointed = self.meant(who, None)
        if pointed is None or await membership(self._store, pointed, who.user["_id"]) is None:
            return None
        return await self._store.find_one("organization", {"_id": pointed})

    async def of_user(self, user: Document) -> list[Document]:
        """Those that the user is a member of, oldest membership first."""
        ids = [each["organizationId"] for each in await memberships(self._store, user["_id"])]
        found = await self._store.find("organization", {"_id": {"$in": ids}})
        by_id = {each["_id"]: each for each in found}
        return [by_id[id] for id in ids if id in by_id]

    async def create(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        name: str,
        slug: str,
        logo: str | None,
        metadata: Mapping[str, Any] | None,
        activate: bool,
    ) -> Full:
        """A new organization that the user owns.

        The membership is written first: a crash in between leaves one of no organization, which
        nobody sees, and the slug free. Raises BadRequest for a slug that is taken.
        """
        if await self._store.find_one("organization", {"slug": slug}) is not None:
            _refuse_taken()
        id, now = ObjectId(), self._clock()
        organization: dict[str, Any] = {"_id": id, "name": name, "slug": slug, "createdAt": now}
        if logo is not None:
            organization["logo"] = logo
        if metadata is not None:
            organization["metadata"] = metadata_text(metadata)
        owner = {
            "_id": member_id(id, who.user["_id"]),
            "organizationId": id,
            "userId": who.user["_id"],
            "role": "owner",
            "createdAt": now,
        }
        await writing.insert_one("member", owner)
        try:
            await writing.insert_one("organization", organization)
        except Duplicate:
            await writing.delete_one("member", {"_id": owner["_id"]})
            _refuse_taken()
        if await self._store.find_one("user", {"_id": who.user["_id"]}) is None:  # gone meanwhile
            await writing.delete_one("member", {"_id": owner["_id"]})
            await writing.delete_one("organization", {"_id": id})
            raise Unauthorized("Unauthorized")
        if activate:
            await self.point(writing, who, format_id(id))
        return Full(organization, [Person(owner, who.user)], [])

    async def activate(
        self, writing: Writing, who: SignedIn, *, id: str | None, slug: str | None
    ) -> Document:
        """Make the organization of this id, or else slug, the active one.

        A refusal changes nothing. Raises BadRequest for an unknown slug, and Forbidden for an
        organization that is unknown or not the user's: the two are not told apart.
        """
        if id is not None:
            organization = await self._store.find_one("organization", {"_id": parse_id(id)})
        else:
            organization = await self._store.find_one("organization", {"slug": slug})
            if organization is None:
                refuse_not_found()
        if organization is None or not await self._is_member(organization, who):
            refuse_stranger()
        chosen = format_id(organization["_id"])
        await self.point(writing, who, chosen)
        if not await self._is_member(organization, who):  # removed meanwhile
            await self._unpoint(writing, who, chosen)
            refuse_stranger()
        return organization

    async def deactivate(self, writing: Writing, who: SignedIn) -> bool:
        """Have no active organization; whether there was one."""
        pointed = self.pointer(who)
        if pointed is not None:
            await self.point(writing, who, None)
        return pointed is not None

    async def _is_member(self, organization: Document, who: SignedIn) -> bool:
        return await membership(self._store, organization["_id"], who.user["_id"]) is not None

    async def point(self, writing: Writing, who: SignedIn, chosen: str | None) -> None:
        """Make an organization that is theirs the active one, or none.

        The mirror first, so that the truth is the last thing to change.
        """
        change = {"$set": {"activeOrganizationId": chosen}}
        if who.session.get("activeOrganizationId") != chosen:
            await writing.update_one("session", {"_id": who.session["_id"]}, change)
        if self._active_organization == "user" and who.user.get("activeOrganizationId") != chosen:
            await writing.update_one("user", {"_id": who.user["_id"]}, change)

    async def _unpoint(self, writing: Writing, who: SignedIn, chosen: str) -> None:
        for collection, holder in (("session", who.session), ("user", who.user)):
            pointing = {"_id": holder["_id"], "activeOrganizationId": chosen}
            await writing.update_one(collection, pointing, {"$set": {"activeOrganizationId": None}})

    async def full(
        self, who: SignedIn, *, id: str | None, slug: str | None, limit: int
    ) -> Full | None:
        """The organization of this slug, or else id, or else the active one; None without any.

        Raises BadRequest for an unknown one, and Forbidden for one that is not the user's.
        """
        organization = await self.chosen(who, id=id, slug=slug)
        if organization is None:
            return None
        mine = await membership(self._store, organization["_id"], who.user["_id"])
        if mine is None:
            refuse_stranger()
        members = await self._store.find(
            "member", {"organizationId": organization["_id"]}, sort=OLDEST, limit=limit
        )
        return Full(
            organization,
            await people(self._store, effective(members, by="userId")),
            await self._invitations(organization, role=text(mine, "role")),
        )

    async def plain(self, who: SignedIn, *, id: str | None, slug: str | None) -> Document | None:
        """`full`, but the organization alone."""
        organization = await self.chosen(who, id=id, slug=slug)
        if organization is not None and not await self._is_member(organization, who):
            refuse_stranger()
        return organization

    async def chosen(self, who: SignedIn, *, id: str | None, slug: str | None) -> Document | None:
        """Which organization a request means; None when it names none and none is active.

        Raises BadRequest for an unknown one; says nothing of membership.
        """
        if id is None and slug is None:
            return await self.active(who)
        wanted = {"slug": slug} if slug is not None else {"_id": parse_id(id or "")}
        organization = await self._store.find_one("organization", wanted)
        if organization is None:
            refuse_not_found()
        return organization

    async def _invitations(self, organization: Document, *, role: str) -> list[Document]:
        if not may(role, {"invitation": ["create"]}):
            return []
        found = await self._store.find(
            "invitation", {"organizationId": organization["_id"]}, sort=OLDEST
        )
        owner = has_role(role, "owner")
        return [each for each in found if owner or not has_role(text(each, "role"), "owner")]


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """How better-auth keeps it."""
    return json.dumps(metadata, separators=(",", ":"), ensure_ascii=False)


def refuse_not_found() -> NoReturn:
    raise BadRequest("Organization not found", code="ORGANIZATION_NOT_FOUND")


def refuse_stranger() -> NoReturn:
    raise Forbidden(
        "User is not a member of the organization",
        code="USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION",
    )


def _refuse_taken() -> NoReturn:
    raise BadRequest("Organization already exists", code="ORGANIZATION_ALREADY_EXISTS")
