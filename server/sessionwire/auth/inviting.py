"""What an invitation takes before it is written: who may invite, whom, and the document."""

from __future__ import annotations

import secrets
import string
from datetime import timedelta
from typing import TYPE_CHECKING

from sessionwire.auth import invitees
from sessionwire.auth.members import refuse_unknown, refuse_unknown_roles
from sessionwire.auth.memberships import membership
from sessionwire.errors import BadRequest, Forbidden
from sessionwire.policy.roles import may
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Writing

__all__ = ["LIFETIME", "draft", "refuse_member", "role_of"]

LIFETIME = timedelta(hours=48)

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32  # 190 bits


async def role_of(writing: Writing, id: object, who: SignedIn, roles: Sequence[str]) -> str:
    """The role of who may invite with these roles. Raises BadRequest, Forbidden."""
    mine = await membership(writing, id, who.user["_id"])
    if mine is None:
        refuse_unknown()
    role = text(mine, "role")
    if not may(role, {"invitation": ["create"]}):
        raise Forbidden(
            "You are not allowed to invite users to this organization",
            code="YOU_ARE_NOT_ALLOWED_TO_INVITE_USERS_TO_THIS_ORGANIZATION",
        )
    refuse_unknown_roles(roles)
    invitees.refuse_above(role, roles)
    return role


async def refuse_member(writing: Writing, id: object, address: str) -> None:
    """Raises BadRequest when the address is a member's."""
    user = await writing.find_one("user", {"email": address})
    if user is not None and await membership(writing, id, user["_id"]) is not None:
        raise BadRequest(
            "User is already a member of this organization",
            code="USER_IS_ALREADY_A_MEMBER_OF_THIS_ORGANIZATION",
        )


def draft(
    id: object, who: SignedIn, *, email: str, roles: Sequence[str], now: datetime
) -> Document:
    """A new invitation, as better-auth keeps it; its `_id` cannot be guessed."""
    return {
        "_id": "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)),
        "organizationId": id,
        "inviterId": who.user["_id"],
        "email": email,
        "role": ",".join(roles),
        "status": "pending",
        "expiresAt": now + LIFETIME,
        "createdAt": now,
    }
