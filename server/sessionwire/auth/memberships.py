"""Who belongs to which organization, read the way the queries read it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sessionwire.model import ObjectId, format_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

__all__ = ["OLDEST", "effective", "member_id", "membership", "memberships"]

OLDEST = [("createdAt", 1), ("_id", 1)]


def member_id(organization_id: object, user_id: object) -> ObjectId:
    """The `_id` of this membership: the same for whoever writes it, so it is written once."""
    named = f"member:{format_id(organization_id)}:{format_id(user_id)}"
    return ObjectId(hashlib.sha256(named.encode()).digest()[:12])


def effective(members: Iterable[Document], *, by: str) -> list[Document]:
    """Of those that agree in the field `by` the first: other programs may write a pair twice."""
    unique: dict[Any, Document] = {}
    for each in members:
        if isinstance(each.get(by), ObjectId | str):
            unique.setdefault(each[by], each)
    return list(unique.values())


async def memberships(store: Store, user_id: object) -> list[Document]:
    """The user's, oldest first."""
    found = await store.find("member", {"userId": user_id}, sort=OLDEST)
    return effective(found, by="organizationId")


async def membership(store: Store, organization_id: object, user_id: object) -> Document | None:
    """The user's membership of this organization."""
    wanted = {"organizationId": organization_id, "userId": user_id}
    found = await store.find("member", wanted, sort=OLDEST, limit=1)
    return found[0] if found else None
