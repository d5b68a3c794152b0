"""Whom an invitation is for, how long it stands, and the refusals that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from sessionwire.errors import BadRequest, Forbidden
from sessionwire.model import ObjectId
from sessionwire.policy.roles import has_role
from sessionwire.reactive.fields import moment, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sessionwire.model import Document

__all__ = [
    "is_pending",
    "organization_of",
    "refuse_above",
    "refuse_absent",
    "refuse_others",
    "refuse_unverified",
    "stands",
]


def is_pending(invitation: Document) -> bool:
    """Nobody accepted, rejected or cancelled it."""
    return text(invitation, "status") == "pending"


def stands(invitation: Document, *, now: datetime) -> bool:
    """Whether it may be accepted; without an end it may not."""
    ends_at = moment(invitation, "expiresAt")
    return is_pending(invitation) and ends_at is not None and now < ends_at


def organization_of(invitation: Document) -> ObjectId | str:
    """The id of the organization that it is into. Raises BadRequest for none."""
    id = invitation.get("organizationId")
    return id if isinstance(id, ObjectId | str) and id else refuse_absent()


def refuse_others(invitation: Document, user: Document) -> None:
    """Raises Forbidden for everybody but the owner of the address; no address is nobody's."""
    address = text(user, "email").lower()
    if not address or text(invitation, "email").lower() != address:
        raise Forbidden(
            "You are not the recipient of the invitation",
            code="YOU_ARE_NOT_THE_RECIPIENT_OF_THE_INVITATION",
        )


def refuse_unverified(user: Document) -> None:
    """Raises Forbidden while anybody might have typed in the address."""
    if user.get("emailVerified") is not True:
        raise Forbidden(
            "Email verification required to view or list invitations for the session email",
            code="EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION",
        )


def refuse_above(role: str, invited: Sequence[str]) -> None:
    """Raises Forbidden when somebody who owns nothing makes an owner."""
    if "owner" in invited and not has_role(role, "owner"):
        raise Forbidden(
            "You are not allowed to invite a user with this role",
            code="YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE",
        )


def refuse_absent(message: str = "Invitation not found") -> NoReturn:
    """The same for what never was, is over, or was taken."""
    raise BadRequest(message, code="INVITATION_NOT_FOUND")
