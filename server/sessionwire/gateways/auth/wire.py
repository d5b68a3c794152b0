"""The JSON of better-auth's contract: what a document shows, field by field, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.model import format_id
from sessionwire.reactive.extras import NO_EXTRAS
from sessionwire.reactive.fields import date, text, text_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.memberships import Person
    from sessionwire.auth.offers import Shown
    from sessionwire.auth.organizations import Full
    from sessionwire.errors import SessionwireError
    from sessionwire.model import Document
    from sessionwire.reactive.extras import Extras
    from sessionwire.reactive.shapes import SessionView

__all__ = [
    "account_json",
    "full_json",
    "invitation_json",
    "member_json",
    "organization_json",
    "pending_json",
    "person_json",
    "refusal_json",
    "session_json",
    "session_view_json",
    "shown_json",
    "status_of",
    "updated_json",
    "user_json",
]

_STATUS: Mapping[str, int] = {
    "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL": 422,
    "FAILED_TO_CREATE_USER": 422,
    "YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_MEMBER": 401,
}
"""Where the contract's status is another than that of the error's class."""


def status_of(error: SessionwireError) -> int:
    return _STATUS.get(error.code, error.status)


def refusal_json(error: SessionwireError) -> dict[str, Any]:
    return {"message": error.message, "code": error.code}


def account_json(account: Document) -> dict[str, Any]:
    """How somebody signs in; never a password or a token."""
    granted = text(account, "scope").split(",")
    return {
        "id": format_id(account["_id"]),
        "accountId": text(account, "accountId"),
        "providerId": text(account, "providerId"),
        "userId": format_id(account["userId"]),
        "createdAt": date(account, "createdAt"),
        "updatedAt": date(account, "updatedAt"),
        "scopes": [each.strip() for each in granted if each.strip()],
    }


def user_json(user: Document, *, extras: Extras = NO_EXTRAS) -> dict[str, Any]:
    """To its owner, with their `extras`."""
    return {
        "id": format_id(user["_id"]),
        "name": text(user, "name"),
        "email": text(user, "email"),
        "emailVerified": user.get("emailVerified") is True,
        "image": text_or_none(user, "image"),
        "createdAt": date(user, "createdAt"),
        "updatedAt": date(user, "updatedAt"),
        **extras.of_user(user),
    }


def session_json(session: Document, *, handle: str, extras: Extras = NO_EXTRAS) -> dict[str, Any]:
    return {
        "id": format_id(session["_id"]),
        "token": handle,
        "userId": format_id(session["userId"]),
        "expiresAt": date(session, "expiresAt"),
        "createdAt": date(session, "createdAt"),
        "updatedAt": date(session, "updatedAt"),
        "ipAddress": text(session, "ipAddress"),
        "userAgent": text(session, "userAgent"),
        "activeOrganizationId": text_or_none(session, "activeOrganizationId"),
        **extras.of_session(session),
    }


def session_view_json(view: SessionView, *, handle: str) -> dict[str, Any]:
    """The contract's two objects, then what the `session` query says beyond them."""
    plain: dict[str, Any] = msgspec.to_builtins(view)
    session = plain["session"]
    return {
        **plain,
        "session": {"id": session.pop("id"), "token": handle, **session},
    }


def organization_json(
    organization: Document, *, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`metadata` is text here, as better-auth keeps it, but for a call that just wrote it."""
    return {
        "id": format_id(organization["_id"]),
        "name": text(organization, "name"),
        "slug": text(organization, "slug"),
        "logo": text_or_none(organization, "logo"),
        "metadata": text_or_none(organization, "metadata") if metadata is None else metadata,
        "createdAt": date(organization, "createdAt"),
    }


def updated_json(organization: Document) -> dict[str, Any]:
    """An organization after a change, whose `metadata` is shown as an object."""
    try:
        metadata = msgspec.json.decode(text(organization, "metadata"))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        metadata = None
    return organization_json(
        organization, metadata=metadata if isinstance(metadata, dict) else None
    )


def member_json(member: Document) -> dict[str, Any]:
    return {
        "id": format_id(member["_id"]),
        "organizationId": format_id(member.get("organizationId")),
        "userId": format_id(member.get("userId")),
        "role": text(member, "role"),
        "createdAt": date(member, "createdAt"),
    }


def person_json(person: Person) -> dict[str, Any]:
    """A member with their user; `user` is null when another program deleted it."""
    user = person.user
    shown = None
    if user is not None:
        shown = {
            "id": format_id(user["_id"]),
            "name": text(user, "name"),
            "email": text(user, "email"),
            "image": text_or_none(user, "image"),
        }
    return {**member_json(person.member), "user": shown}


def invitation_json(invitation: Document) -> dict[str, Any]:
    return {
        "id": format_id(invitation["_id"]),
        "organizationId": format_id(invitation.get("organizationId")),
        "email": text(invitation, "email"),
        "role": text(invitation, "role"),
        "status": text(invitation, "status"),
        "expiresAt": date(invitation, "expiresAt"),
        "createdAt": date(invitation, "createdAt"),
        "inviterId": format_id(invitation.get("inviterId")),
    }


def pending_json(shown: Shown) -> dict[str, Any]:
    """One of the invitations that somebody did not answer yet."""
    name = text(shown.organization, "name")
    return {**invitation_json(shown.invitation), "organizationName": name}


def shown_json(shown: Shown) -> dict[str, Any]:
    """An invitation as its recipient is told of it."""
    return {
        **invitation_json(shown.invitation),
        "organizationName": text(shown.organization, "name"),
        "organizationSlug": text(shown.organization, "slug"),
        "inviterEmail": None if shown.inviter is None else text_or_none(shown.inviter, "email"),
    }


def full_json(full: Full) -> dict[str, Any]:
    return {
        **organization_json(full.organization),
        "members": [person_json(each) for each in full.members],
        "invitations": [invitation_json(each) for each in full.invitations],
    }
