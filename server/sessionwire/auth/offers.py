"""Invitations as the invited person meets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionwire.auth import invitees
from sessionwire.auth.memberships import OLDEST
from sessionwire.model import Document, ObjectId, parse_id
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.auth.clock import Clock
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Offers", "Shown"]

_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """What the invited person is told; who invited them may be gone."""

    invitation: Document
    organization: Document
    inviter: Document | None


class Offers:
    """Reads only."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def standing(self, user: Document, id: str, *, source: Store | Writing) -> Document:
        """The invitation that this user may accept.

        Raises BadRequest for what does not stand, and Forbidden for what is somebody else's.
        """
        found = await source.find_one("invitation", {"_id": parse_id(id)})
        if found is None or not invitees.stands(found, now=self._clock()):
            invitees.refuse_absent()
        invitees.refuse_others(found, user)
        return found

    async def shown(self, user: Document, id: str) -> Shown:
        """`standing`, with what it is about."""
        found = await self._described([await self.standing(user, id, source=self._store)])
        return found[0] if found else invitees.refuse_absent()

    async def of_user(self, user: Document) -> list[Shown]:
        """What nobody answered yet, expired or not, oldest first."""
        address = text(user, "email").lower()
        if not address:
            return []
        wanted = {"email": address, "status": "pending"}
        found = await self._store.find("invitation", wanted, sort=OLDEST, limit=_LIMIT)
        return await self._described(found)

    async def _described(self, invitations: Sequence[Document]) -> list[Shown]:
        """Those whose organization exists."""
        organizations = await self._named("organization", invitations, "organizationId")
        users = await self._named("user", invitations, "inviterId")
        return [
            Shown(each, organizations[into], users.get(str(each.get("inviterId"))))
            for each in invitations
            if (into := str(each.get("organizationId"))) in organizations
        ]

    async def _named(
        self, collection: str, invitations: Sequence[Document], field: str
    ) -> dict[str, Document]:
        ids = [each[field] for each in invitations if type(each.get(field)) in (ObjectId, str)]
        found = await self._store.find(collection, {"_id": {"$in": ids}})
        return {str(each["_id"]): each for each in found}
