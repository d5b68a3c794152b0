"""Organizations, changed and deleted by who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from sessionwire.auth.memberships import membership, unpoint, user_of
from sessionwire.auth.organizations import metadata_text, refuse_not_found
from sessionwire.errors import BadRequest, Duplicate, Forbidden
from sessionwire.model import ObjectId, parse_id
from sessionwire.policy.roles import may
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.organizations import Organizations
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Administration"]


class Administration:
    """What owners and admins do to an organization as a whole, alone with it: they lock it."""

    def __init__(self, store: Store, *, organizations: Organizations) -> None:
        self._store = store
        self._organizations = organizations

    async def refuse_taken(self, slug: str) -> None:
        """Raises BadRequest for a slug that an organization has."""
        if await self._store.find_one("organization", {"slug": slug}) is not None:
            _refuse_taken()

    async def update(
        self,
        writing: Writing,
        who: SignedIn,
        *,
        organization: str | None,
        changes: Mapping[str, Any],
    ) -> Document:
        """The organization of this id, or else the active one, with its fields changed.

        `changes` are `name`, `slug`, `logo` and `metadata`, each if it is to change. Raises
        BadRequest, and Forbidden for a member who may not.
        """
        id = self._organizations.meant(who, organization)
        if id is None:
            refuse_not_found()
        fields = dict(changes)
        if "metadata" in fields:
            fields["metadata"] = metadata_text(fields["metadata"])

        async def work() -> Document:
            role = await _role(writing, id, who)
            if not may(role, {"organization": ["update"]}):
                _refuse_may_not("update")
            if "slug" in fields:
                other = await writing.find_one("organization", {"slug": fields["slug"]})
                if other is not None and other["_id"] != id:
                    _refuse_taken()
            if fields:
                await writing.update_one("organization", {"_id": id}, {"$set": fields})
            changed = await writing.find_one("organization", {"_id": id})
            return refuse_not_found() if changed is None else changed

        try:
            return await writing.atomically("organization", id, work)
        except Duplicate:
            _refuse_taken()

    async def delete(self, writing: Writing, who: SignedIn, *, organization: str) -> Document:
        """The organization that is no more, nor are its memberships and invitations.

        It is nobody's active organization afterwards. Raises BadRequest for one that is not the
        user's, and Forbidden for a member who may not.
        """
        id = parse_id(organization)

        async def work() -> tuple[Document, list[ObjectId | str | None]]:
            role = await _role(writing, id, who)
            if not may(role, {"organization": ["delete"]}):
                _refuse_may_not("delete")
            found = await writing.find_one("organization", {"_id": id})
            if found is None:
                _refuse_stranger()
            members = await writing.find("member", {"organizationId": id})
            ids = [user_of(each) for each in members]
            await writing.delete_many("invitation", {"organizationId": id})
            await writing.delete_many("member", {"organizationId": id})
            await writing.delete_one("organization", {"_id": id})
            await unpoint(writing, id, ids)
            return found, ids

        deleted, members = await writing.atomically("organization", id, work)
        await unpoint(writing, id, members)
        return deleted


async def _role(writing: Writing, id: object, who: SignedIn) -> str:
    mine = await membership(writing, id, who.user["_id"])
    return _refuse_stranger() if mine is None else text(mine, "role")


def _refuse_stranger() -> NoReturn:
    """Here the contract's status is 400; an organization that is unknown is not told apart."""
    raise BadRequest(
        "User is not a member of the organization",
        code="USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION",
    )


def _refuse_may_not(action: str) -> NoReturn:
    raise Forbidden(
        f"You are not allowed to {action} this organization",
        code=f"YOU_ARE_NOT_ALLOWED_TO_{action.upper()}_THIS_ORGANIZATION",
    )


def _refuse_taken() -> NoReturn:
    raise BadRequest("Organization slug already taken", code="ORGANIZATION_SLUG_ALREADY_TAKEN")
