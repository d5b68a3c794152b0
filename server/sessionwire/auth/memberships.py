"""Who belongs to which organization, read the way the queries read it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionwire.model import Document, ObjectId, format_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionwire.store.mongo import Store, Writing

__all__ = [
    "OLDEST",
    "Person",
    "effective",
    "member_id",
    "membership",
    "memberships",
    "people",
    "unpoint",
    "user_of",
]

OLDEST = [("createdAt", 1), ("_id", 1)]


@dataclass(frozen=True, slots=True)
class Person:
    """A membership and its user, who may have been deleted by another program."""

    member: Document
    user: Document | None


def member_id(organization_id: object, user_id: object) -> ObjectId:
    """The `_id` of this membership: the same for whoever writes it, so it is written once."""
    named = f"member:{format_id(organization_id)}:{format_id(user_id)}"
    return ObjectId(hashlib.sha256(named.encode()).digest()[:12])


def effective(members: Iterable[Document], *, by: str) -> list[Document]:
    """Of those that agree in the field `by` the first: other programs may write a pair twice."""
    unique: dict[Any, Document] = {}
    for each in members:
        if type(each.get(by)) in (ObjectId, str):  # MongoDB's code is a str, and no key
            unique.setdefault(each[by], each)
    return list(unique.values())


async def memberships(store: Store, user_id: object) -> list[Document]:
    """The user's, oldest first."""
    found = await store.find("member", {"userId": user_id}, sort=OLDEST)
    return effective(found, by="organizationId")


async def membership(
    source: Store | Writing, organization_id: object, user_id: object
) -> Document | None:
    """The user's membership of this organization; of a pair written twice, the older.

    To MongoDB an id that is missing equals every other that is missing: to us, none.
    """
    if not isinstance(organization_id, ObjectId | str) or not isinstance(user_id, ObjectId | str):
        return None
    wanted = {"organizationId": organization_id, "userId": user_id}
    found = await source.find("member", wanted, sort=OLDEST)
    return found[0] if found else None


async def people(store: Store, members: Sequence[Document]) -> list[Person]:
    """The members with their users."""
    ids = [user_of(each) for each in members]
    found = await store.find("user", {"_id": {"$in": [id for id in ids if id is not None]}})
    by_id = {each["_id"]: each for each in found}
    return [
        Person(each, None if id is None else by_id.get(id))
        for each, id in zip(members, ids, strict=True)
    ]


def user_of(member: Document) -> ObjectId | str | None:
    """Whose membership it is; None for what is no id, which a filter must not be made of."""
    id = member.get("userId")
    return id if type(id) is ObjectId or type(id) is str else None


async def unpoint(
    writing: Writing, organization_id: object, user_ids: Sequence[ObjectId | str | None]
) -> None:
    """Let nothing of these users' point to the organization.

    It belongs into the transaction that ends their memberships, for one moment (P2), and once
    after it: a switch that was made meanwhile was not seen by it, and one that is made later sees
    that the membership is gone.
    """
    pointing = {"activeOrganizationId": {"$in": [organization_id, format_id(organization_id)]}}
    unset = {"$set": {"activeOrganizationId": None}}
    users = {"$in": [id for id in user_ids if id is not None]}
    await writing.update_many("user", {"_id": users, **pointing}, unset)
    await writing.update_many("session", {"userId": users, **pointing}, unset)
