"""What a user is in an organization, and what that allows.

Answers only: whoever changes something asks again, alone with the organization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.auth.members import refuse_inactive, refuse_outsider, refuse_unknown
from sessionwire.auth.memberships import Person, membership
from sessionwire.errors import Unauthorized
from sessionwire.model import parse_id
from sessionwire.policy.roles import may
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionwire.auth.organizations import Organizations
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store

__all__ = ["Standing"]


class Standing:
    """The standing of one database's users."""

    def __init__(self, store: Store, *, organizations: Organizations) -> None:
        self._store = store
        self._organizations = organizations

    async def active_member(self, who: SignedIn) -> Person:
        """The user's membership of the active organization. Raises BadRequest without one."""
        organization = await self._organizations.active(who)
        if organization is None:
            refuse_inactive()
        mine = await membership(self._store, organization["_id"], who.user["_id"])
        return refuse_unknown() if mine is None else Person(mine, who.user)

    async def role(
        self, who: SignedIn, *, user: str | None, id: str | None, slug: str | None
    ) -> str:
        """The role that this user, or else the caller, has in the organization of this slug, or
        else id, or else the active one.

        Raises BadRequest without an organization, and Forbidden when either is no member of it.
        """
        if slug is None:
            meant: object = self._organizations.meant(who, id)
        else:
            found = await self._organizations.chosen(who, id=None, slug=slug)
            meant = None if found is None else found["_id"]
        if meant is None:
            refuse_inactive()
        asked = await membership(self._store, meant, who.user["_id"])
        if asked is not None and user is not None:
            asked = await membership(self._store, meant, parse_id(user))
        return refuse_outsider() if asked is None else text(asked, "role")

    async def allows(
        self, who: SignedIn, wanted: Mapping[str, Sequence[str]], *, id: str | None
    ) -> bool:
        """Whether the user may do all of `wanted` (resource → actions) in the organization.

        Raises BadRequest without one, and Unauthorized, as the contract says, for no member.
        """
        meant = self._organizations.meant(who, id)
        if meant is None:
            refuse_inactive()
        mine = await membership(self._store, meant, who.user["_id"])
        if mine is None:
            raise Unauthorized(
                "User is not a member of the organization",
                code="USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION",
            )
        return may(text(mine, "role"), wanted)
