"""What each endpoint of the contract answers, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ANSWERS", "COMPONENTS", "Answer"]

Shape = Mapping[str, Any]
"""A JSON Schema (draft 2020-12)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One endpoint's success; `also` are statuses beyond those that every endpoint may answer."""

    summary: str
    shape: Shape | None
    """None for a redirect or a page."""
    also: tuple[int, ...] = ()
    status: int = 200


def _object(**properties: Shape) -> Shape:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _of(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def _nullable(shape: Shape) -> Shape:
    return {"anyOf": [shape, {"type": "null"}]}


def _with(base: str, **more: Shape) -> Shape:
    return {"allOf": [_of(base), _object(**more)]}


_TEXT: Final[Shape] = {"type": "string"}
_ID: Final[Shape] = {"type": "string", "description": "An opaque identifier."}
_FLAG: Final[Shape] = {"type": "boolean"}
_COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
_DATE: Final[Shape] = {"type": "string", "format": "date-time"}
_TEXT_OR_NULL = _nullable(_TEXT)
_DATE_OR_NULL = _nullable(_DATE)
_DONE: Final[Shape] = _object(status={"const": True})
_TOKEN: Final[Shape] = {
    "type": ["string", "null"],
    "description": "The session's id; null when nobody was signed in.",
}

COMPONENTS: Final[Mapping[str, Shape]] = {
    "Refusal": _object(message=_TEXT, code=_TEXT),
    "User": _object(
        id=_ID,
        name=_TEXT,
        email=_TEXT,
        emailVerified=_FLAG,
        image=_TEXT_OR_NULL,
        createdAt=_DATE_OR_NULL,
        updatedAt=_DATE_OR_NULL,
    ),
    "Session": _object(
        id=_ID,
        token=_TOKEN,
        userId=_ID,
        expiresAt=_DATE_OR_NULL,
        createdAt=_DATE_OR_NULL,
        updatedAt=_DATE_OR_NULL,
        ipAddress=_TEXT_OR_NULL,
        userAgent=_TEXT_OR_NULL,
        activeOrganizationId=_TEXT_OR_NULL,
    ),
    "Organization": _object(
        id=_ID,
        name=_TEXT,
        slug=_TEXT,
        logo=_TEXT_OR_NULL,
        metadata={
            "description": "An object from create and update; its JSON as text from reads.",
        },
        createdAt=_DATE_OR_NULL,
    ),
    "Member": _object(id=_ID, organizationId=_ID, userId=_ID, role=_TEXT, createdAt=_DATE_OR_NULL),
    "Person": {
        "allOf": [
            _of("Member"),
            _object(
                user=_nullable(
                    _object(id=_ID, name=_TEXT, email=_TEXT, image=_TEXT_OR_NULL),
                )
            ),
        ]
    },
    "Invitation": _object(
        id=_ID,
        organizationId=_ID,
        email=_TEXT,
        role=_TEXT,
        status=_TEXT,
        expiresAt=_DATE_OR_NULL,
        createdAt=_DATE_OR_NULL,
        inviterId=_ID,
    ),
}

_ENTERED = _object(token=_TOKEN, user=_of("User"))
_VIEW = _object(
    session=_of("Session"),
    user=_of("User"),
    organization=_nullable({"type": "object"}),
    role=_TEXT_OR_NULL,
    scope=_TEXT,
)
_FULL = _with("Organization", members=_list(_of("Person")), invitations=_list(_of("Invitation")))
_AT = "/organization"

ANSWERS: Final[Mapping[tuple[str, str], Answer]] = {
    ("GET", "/ok"): Answer("Whether the server is ready.", _object(ok={"const": True})),
    ("GET", "/error"): Answer("The error page.", None, (302,)),
    ("POST", "/sign-up/email"): Answer("Sign up with a password.", _ENTERED, (422,)),
    ("POST", "/sign-in/email"): Answer(
        "Sign in with a password.",
        _object(redirect=_FLAG, token=_TOKEN, user=_of("User")),
        (401,),
    ),
    ("POST", "/sign-out"): Answer("End this session.", _object(success={"const": True})),
    ("GET", "/get-session"): Answer(
        "Who is signed in, and in which organization.", _nullable(_VIEW), (304, 403)
    ),
    ("POST", "/get-session"): Answer("Not offered.", None, (405,)),
    ("POST", "/update-user"): Answer("Change the profile.", _DONE),
    ("POST", "/update-session"): Answer(
        "Change fields of this session.", _object(session=_of("Session"))
    ),
    ("POST", "/change-password"): Answer("Change the password.", _ENTERED),
    ("POST", "/verify-password"): Answer("Whether this is the password.", _DONE),
    ("POST", "/change-email"): Answer("Change the address.", _DONE),
    ("GET", "/list-sessions"): Answer("The user's sessions.", _list(_of("Session"))),
    ("POST", "/revoke-session"): Answer("End one of the user's sessions.", _DONE),
    ("POST", "/revoke-other-sessions"): Answer("End all sessions but this one.", _DONE),
    ("POST", "/revoke-sessions"): Answer("End all sessions.", _DONE),
    ("GET", "/list-accounts"): Answer(
        "By what the user can sign in.",
        _list(
            _object(
                id=_ID,
                accountId=_TEXT,
                providerId=_TEXT,
                userId=_ID,
                createdAt=_DATE_OR_NULL,
                updatedAt=_DATE_OR_NULL,
                scopes=_list(_TEXT),
            )
        ),
    ),
    ("POST", "/unlink-account"): Answer("Take a way to sign in away.", _DONE),
    ("POST", "/link-social"): Answer(
        "Add a provider to sign in with.", _object(url=_TEXT, redirect=_FLAG), (404, 502, 503)
    ),
    ("POST", "/delete-user"): Answer(
        "Delete the account.", _object(success={"const": True}, message=_TEXT), (404,)
    ),
    ("GET", "/delete-user/callback"): Answer(
        "Delete the account by a link.", None, (302, 403, 404)
    ),
    ("POST", "/request-password-reset"): Answer(
        "Mail a link for a new password.", _object(status={"const": True}, message=_TEXT)
    ),
    ("GET", "/reset-password/{token}"): Answer("Follow that link.", None, (302, 403)),
    ("POST", "/reset-password"): Answer("Set a new password.", _DONE),
    ("POST", "/send-verification-email"): Answer("Mail a link that confirms an address.", _DONE),
    ("GET", "/verify-email"): Answer(
        "Follow that link.", _object(status={"const": True}), (302, 401, 403)
    ),
    ("POST", "/sign-in/social"): Answer(
        "Begin to sign in with a provider.", _object(redirect=_FLAG), (401, 404, 502)
    ),
    ("GET", "/callback/{provider}"): Answer("Return from a provider.", None, (302,)),
    ("POST", "/callback/{provider}"): Answer("Return from a provider by a form.", None, (302,)),
    ("POST", f"{_AT}/create"): Answer(
        "Create an organization.", _with("Organization", members=_list(_of("Member")))
    ),
    ("GET", f"{_AT}/list"): Answer("The user's organizations.", _list(_of("Organization"))),
    ("POST", f"{_AT}/set-active"): Answer(
        "Switch the organization.", _nullable(_of("Organization"))
    ),
    ("GET", f"{_AT}/get-full-organization"): Answer(
        "An organization with its members.", _nullable(_FULL), (403,)
    ),
    ("GET", f"{_AT}/get-organization"): Answer(
        "An organization.", _nullable(_of("Organization")), (403,)
    ),
    ("POST", f"{_AT}/update"): Answer("Change an organization.", _of("Organization")),
    ("POST", f"{_AT}/delete"): Answer("Delete an organization.", _of("Organization")),
    ("POST", f"{_AT}/check-slug"): Answer("Whether a slug is free.", _DONE),
    ("POST", f"{_AT}/invite-member"): Answer("Invite somebody.", _of("Invitation")),
    ("POST", f"{_AT}/accept-invitation"): Answer(
        "Accept an invitation.", _object(invitation=_of("Invitation"), member=_of("Member"))
    ),
    ("POST", f"{_AT}/reject-invitation"): Answer(
        "Reject an invitation.", _object(invitation=_of("Invitation"), member={"type": "null"})
    ),
    ("POST", f"{_AT}/cancel-invitation"): Answer("Cancel an invitation.", _of("Invitation")),
    ("GET", f"{_AT}/get-invitation"): Answer(
        "An invitation to the user.",
        _with(
            "Invitation",
            organizationName=_TEXT,
            organizationSlug=_TEXT,
            inviterEmail=_TEXT_OR_NULL,
        ),
        (403,),
    ),
    ("GET", f"{_AT}/list-invitations"): Answer(
        "An organization's invitations.", _list(_of("Invitation")), (403,)
    ),
    ("GET", f"{_AT}/list-user-invitations"): Answer(
        "Invitations to the user.", _list(_with("Invitation", organizationName=_TEXT)), (403,)
    ),
    ("GET", f"{_AT}/list-members"): Answer(
        "An organization's members.", _object(members=_list(_of("Person")), total=_COUNT), (403,)
    ),
    ("GET", f"{_AT}/get-active-member"): Answer("The user's membership.", _of("Person")),
    ("GET", f"{_AT}/get-active-member-role"): Answer(
        "A member's role.", _object(role=_TEXT), (403,)
    ),
    ("POST", f"{_AT}/update-member-role"): Answer("Give a member roles.", _of("Member")),
    ("POST", f"{_AT}/remove-member"): Answer("Remove a member.", _object(member=_of("Member"))),
    ("POST", f"{_AT}/leave"): Answer("Leave an organization.", _of("Person")),
    ("POST", f"{_AT}/has-permission"): Answer(
        "Whether the user may do something.",
        _object(error={"type": "null"}, success=_FLAG),
    ),
}
