"""The members of an organization: listed, given roles, removed; one owner always stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from sessionwire.auth.memberships import (
    OLDEST,
    Person,
    membership,
    people,
    unpoint,
    user_of,
)
from sessionwire.errors import BadRequest, Forbidden
from sessionwire.model import Document, ObjectId, parse_id
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.roles import ROLES, has_role, may
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.auth.organizations import Organizations
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = [
    "FIELDS",
    "OPERATORS",
    "Filter",
    "Members",
    "Page",
    "refuse_inactive",
    "refuse_outsider",
    "refuse_unknown",
    "refuse_unknown_roles",
]

FIELDS = {"id": "_id", "userId": "userId", "role": "role", "createdAt": "createdAt"}
"""What a list may be sorted and filtered by, and what MongoDB calls it: nothing else reaches it."""
OPERATORS = {"eq": "$eq", "ne": "$ne", "lt": "$lt", "lte": "$lte", "gt": "$gt", "gte": "$gte"}

_OWNER = {"$regex": r"(^|,)\s*owner\s*(,|$)"}

Id = ObjectId | str


@dataclass(frozen=True, slots=True)
class Filter:
    """`field` of FIELDS, `operator` of OPERATORS, a value of the field's kind."""

    field: str
    operator: str
    value: object


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the members, and in which order."""

    limit: int = 100
    offset: int = 0
    sort: str | None = None
    direction: Literal["asc", "desc"] = "asc"
    filter: Filter | None = None


class Members:
    """The memberships of one database. Who changes one locks the organization."""

    def __init__(self, store: Store, *, organizations: Organizations) -> None:
        self._store = store
        self._organizations = organizations

    async def page(
        self, who: SignedIn, page: Page, *, id: str | None, slug: str | None
    ) -> tuple[list[Person], int]:
        """Some members of the organization of this slug, or else id, or else the active one; and
        how many the filter leaves.

        Raises BadRequest when there is no such organization, Forbidden when it is not the user's.
        """
        organization = await self._organizations.chosen(who, id=id, slug=slug)
        if organization is None:
            refuse_inactive()
        if await membership(self._store, organization["_id"], who.user["_id"]) is None:
            refuse_outsider()
        wanted: dict[str, Any] = {"organizationId": organization["_id"]}
        if page.filter is not None:
            operator = OPERATORS[page.filter.operator]
            wanted = {"$and": [wanted, {FIELDS[page.filter.field]: {operator: page.filter.value}}]}
        order = OLDEST
        if page.sort is not None:
            order = [(FIELDS[page.sort], 1 if page.direction == "asc" else -1)]
            order += [] if page.sort == "id" else [("_id", 1)]
        found = await self._store.find(
            "member", wanted, sort=order, skip=page.offset, limit=page.limit
        )
        return await people(self._store, found), await self._store.count("member", wanted)

    async def remove(
        self, writing: Writing, who: SignedIn, *, target: str, organization: str | None
    ) -> Person:
        """The member, by id or e-mail, that is one no more; with the user when found by e-mail.

        Their active organization is unset if it was this one. Raises BadRequest, Forbidden.
        """
        id = self._meant(who, organization)
        named = None
        if "@" in target:
            address = canonical_email(target)
            named = await self._store.find_one("user", {"email": address}) if address else None

        async def work() -> Person:
            mine = await membership(writing, id, who.user["_id"])
            wanted = {"userId": named["_id"]} if named is not None else {"_id": parse_id(target)}
            member = await _first(writing, {"organizationId": id, **wanted})
            if mine is None or member is None:
                refuse_unknown()
            if has_role(text(member, "role"), "owner"):
                owning = has_role(text(mine, "role"), "owner")
                if not owning or not await _others_own(writing, id, but=user_of(member)):
                    _refuse_only_owner()
            own = user_of(member) == who.user["_id"]
            if not own and not may(text(mine, "role"), {"member": ["delete"]}):
                raise Forbidden(
                    "You are not allowed to delete this member",
                    code="YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_MEMBER",
                )
            await _expel(writing, id, member)
            return Person(member, named)

        removed = await writing.atomically("organization", id, work)
        await unpoint(writing, id, [user_of(removed.member)])
        return removed

    async def leave(self, writing: Writing, who: SignedIn, *, organization: str) -> Person:
        """The user's own membership, which ends. Raises BadRequest for the only owner."""
        id = parse_id(organization)

        async def work() -> Person:
            mine = await membership(writing, id, who.user["_id"])
            if mine is None:
                refuse_unknown()
            owning = has_role(text(mine, "role"), "owner")
            if owning and not await _others_own(writing, id, but=who.user["_id"]):
                _refuse_only_owner()
            await _expel(writing, id, mine)
            return Person(mine, who.user)

        left = await writing.atomically("organization", id, work)
        await unpoint(writing, id, [who.user["_id"]])
        return left

    async def set_roles(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        member: str,
        roles: Sequence[str],
        organization: str | None,
    ) -> Document:
        """The member, who has exactly these roles now.

        Only an owner makes owners or unmakes them. Raises BadRequest, Forbidden.
        """
        refuse_unknown_roles(roles)
        id = self._meant(who, organization)

        async def work() -> Document:
            mine = await membership(writing, id, who.user["_id"])
            found = await _first(writing, {"organizationId": id, "_id": parse_id(member)})
            if mine is None or found is None:
                refuse_unknown()
            was_owner, will_own = has_role(text(found, "role"), "owner"), "owner" in roles
            owning = has_role(text(mine, "role"), "owner")
            allowed = may(text(mine, "role"), {"member": ["update"]})
            if not allowed or ((was_owner or will_own) and not owning):
                raise Forbidden(
                    "You are not allowed to update this member",
                    code="YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_MEMBER",
                )
            if was_owner and not will_own:
                if not await _others_own(writing, id, but=user_of(found)):
                    raise BadRequest(
                        "You cannot leave the organization without an owner",
                        code="YOU_CANNOT_LEAVE_THE_ORGANIZATION_WITHOUT_AN_OWNER",
                    )
            await writing.update_many(
                "member", _pair(id, found), {"$set": {"role": ",".join(roles)}}
            )
            return {**found, "role": ",".join(roles)}

        return await writing.atomically("organization", id, work)

    def _meant(self, who: SignedIn, organization: str | None) -> Id:
        id = self._organizations.meant(who, organization)
        return refuse_inactive() if id is None else id


async def _first(writing: Writing, wanted: dict[str, Any]) -> Document | None:
    """Of a pair that was written twice, the older, which is the one that counts."""
    found = await writing.find("member", wanted, sort=OLDEST)
    return found[0] if found else None


async def _others_own(writing: Writing, id: Id, *, but: object) -> bool:
    """Whether somebody else who exists owns the organization."""
    owners = await writing.find("member", {"organizationId": id, "role": _OWNER})
    for each in owners:
        user_id = user_of(each)
        if user_id in (but, None):
            continue
        counts = await _first(writing, _pair(id, each))
        if counts is None or not has_role(text(counts, "role"), "owner"):
            continue
        if await writing.find_one("user", {"_id": user_id}) is not None:
            return True
    return False


def _pair(id: Id, member: Document) -> dict[str, Any]:
    """The membership, however often it was written; the document alone when it is nobody's."""
    user_id = user_of(member)
    return {"_id": member["_id"]} if user_id is None else {"organizationId": id, "userId": user_id}


async def _expel(writing: Writing, id: Id, member: Document) -> None:
    """End the membership, and let nothing of the user's point to the organization."""
    await writing.delete_many("member", _pair(id, member))
    await unpoint(writing, id, [user_of(member)])


def refuse_unknown_roles(roles: Sequence[str]) -> None:
    unknown = [each for each in roles if each not in ROLES]
    if not roles or unknown:
        raise BadRequest(f"ROLE_NOT_FOUND: {', '.join(unknown)}"[:256], code="ROLE_NOT_FOUND")


def refuse_unknown() -> NoReturn:
    raise BadRequest("Member not found", code="MEMBER_NOT_FOUND")


def refuse_inactive() -> NoReturn:
    raise BadRequest("No active organization", code="NO_ACTIVE_ORGANIZATION")


def refuse_outsider() -> NoReturn:
    raise Forbidden(
        "You are not a member of this organization",
        code="YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION",
    )


def _refuse_only_owner() -> NoReturn:
    raise BadRequest(
        "You cannot leave the organization as the only owner",
        code="YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER",
    )
