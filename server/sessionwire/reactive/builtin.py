"""The built-in queries: session, user, organizations, organization and devices."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, Literal

from sessionwire.model import Document, ObjectId, format_date, format_id
from sessionwire.policy.lifetime import MAXIMUM
from sessionwire.policy.roles import has_role, may
from sessionwire.reactive.extras import NO_EXTRAS
from sessionwire.reactive.fields import date, text, text_or_none
from sessionwire.reactive.identity import IDENTITY, Identity, SignedIn, span_of
from sessionwire.reactive.membership import Active, SessionContext
from sessionwire.reactive.shapes import (
    Device,
    Invitation,
    Member,
    MemberUser,
    Organization,
    OrganizationsItem,
    OrganizationView,
    SessionView,
    User,
)
from sessionwire.reactive.view import Queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sessionwire.reactive.extras import Extras
    from sessionwire.reactive.view import Edit

__all__ = ["ADMINISTRATOR", "make_queries"]

ADMINISTRATOR = "$administrator"
"""The query that says whether the viewer administers the server; clients cannot ask for it."""

_DECISIVE = frozenset({"banned", "activeOrganizationId"})


def make_queries(
    *,
    active_organization: Literal["user", "session"],
    maximum: timedelta = MAXIMUM,
    extras: Extras = NO_EXTRAS,
) -> Queries:
    """The built-in queries, with room for more.

    `active_organization` says whose field rules, `maximum` how long after sign-in a session lasts,
    `extras` which further fields are shown to their owner.
    """
    context = functools.partial(
        SessionContext, truth=active_organization, maximum=maximum, extras=extras
    )
    queries = Queries(context)
    queries.add(IDENTITY, identity, looks={"user": frozenset({"banned"})})
    queries.add(ADMINISTRATOR, is_administrator)
    queries.add("session", session, amend=functools.partial(_amended_session, extras))
    queries.add("user", user, amend=functools.partial(_amended_user, extras))
    queries.add("organizations", organizations)
    queries.add("organization", organization_)
    queries.add("devices", devices)
    return queries


def identity(ctx: SessionContext) -> Identity | None:
    who = ctx.who
    if not isinstance(who, SignedIn):
        return None if who is None else Identity(ended=who.reason)
    span = span_of(who.session, maximum=ctx.maximum)
    return Identity(
        ended="expired" if span is None else None,
        session_id=format_id(who.session["_id"]),
        user_id=format_id(who.user["_id"]),
        expires_at=None if span is None else span.ends_at,
    )


def is_administrator(ctx: SessionContext) -> bool:
    """By the user's field `role`, as better-auth's admin plugin writes it."""
    who = ctx.signed_in
    return who is not None and has_role(text(who.user, "role"), "admin")


def session(ctx: SessionContext, organization: str | None = None) -> SessionView | None:
    who = ctx.signed_in
    return None if who is None else _session_view(ctx, who, ctx.active(organization))


def user(ctx: SessionContext) -> User | None:
    who = ctx.signed_in
    return None if who is None else _user_of(ctx, who, _active_id(ctx.active()))


def organizations(
    ctx: SessionContext, organization: str | None = None
) -> list[OrganizationsItem] | None:
    who = ctx.signed_in
    if who is None:
        return None
    memberships = ctx.memberships(who)
    ids = [each["organizationId"] for each in memberships]
    found = {each["_id"]: each for each in ctx.get_many("organization", ids)}
    active = ctx.active(organization)
    return [
        _organizations_item(found[each["organizationId"]], each, active)
        for each in memberships
        if each["organizationId"] in found
    ]


def organization_(ctx: SessionContext, organization: str | None = None) -> OrganizationView | None:
    active = ctx.active(organization)
    return None if active is None else _organization_view(ctx, active)


def devices(ctx: SessionContext) -> list[Device] | None:
    who = ctx.signed_in
    if who is None:
        return None
    sessions = ctx.where("session", userId=who.user["_id"])
    newest = sorted(sessions, key=lambda s: (date(s, "createdAt") or "", str(s["_id"])))
    return [_device(ctx, each, who.session) for each in reversed(newest)]


def _session_view(ctx: SessionContext, who: SignedIn, active: Active | None) -> SessionView:
    session = who.session
    span = span_of(session, maximum=ctx.maximum)
    refresh_at = None if span is None else span.refresh_at
    active_id = _active_id(active)
    return SessionView(
        session=ctx.extras.session(
            id=format_id(session["_id"]),
            user_id=format_id(session["userId"]),
            created_at=date(session, "createdAt"),
            updated_at=date(session, "updatedAt"),
            expires_at=None if span is None else format_date(span.ends_at),
            refresh_at=None if refresh_at is None else format_date(refresh_at),
            ip_address=text_or_none(session, "ipAddress"),
            user_agent=text_or_none(session, "userAgent"),
            active_organization_id=active_id,
            **ctx.extras.of_session(session),
        ),
        user=_user_of(ctx, who, active_id),
        organization=None if active is None else _organization(active.organization),
        role=None if active is None else text(active.member, "role"),
        scope=_scope(who.user, active),
    )


def _active_id(active: Active | None) -> str | None:
    return None if active is None else format_id(active.organization["_id"])


def _amended_session(extras: Extras, view: SessionView, edit: Edit, document: Document) -> Any:
    """All that an organization's fields decide is shown under `organization`."""
    organization, user = view.organization, view.user
    if edit.key.collection == "organization":
        if organization is None or organization.id != format_id(edit.key.id):
            return NotImplemented
        organization = _organization(document)
    else:
        user = _amended_user(extras, user, edit, document)
        if user is NotImplemented:
            return NotImplemented
    return SessionView(view.session, user, organization, view.role, view.scope)


def _amended_user(extras: Extras, user: User, edit: Edit, document: Document) -> Any:
    """What decides whether, or where, the viewer is signed in shows in more than their fields."""
    if edit.key.collection != "user" or user.id != format_id(edit.key.id):
        return NotImplemented
    if not edit.fields.isdisjoint(_DECISIVE):
        return NotImplemented
    return _user(extras, document, user.id, user.active_organization_id)


def _scope(user: Document, active: Active | None) -> str:
    parts = [format_id(user["_id"])]
    if active is not None:
        parts += [format_id(active.organization["_id"]), text(active.member, "role")]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=9).hexdigest()


def _user_of(ctx: SessionContext, who: SignedIn, active_id: str | None) -> User:
    return _user(ctx.extras, who.user, format_id(who.user["_id"]), active_id)


def _user(extras: Extras, user: Document, id: str, active_id: str | None) -> User:
    return extras.user(
        id=id,
        name=text(user, "name"),
        email=text(user, "email"),
        email_verified=user.get("emailVerified") is True,
        image=text_or_none(user, "image"),
        created_at=date(user, "createdAt"),
        updated_at=date(user, "updatedAt"),
        active_organization_id=active_id,
        onboarded=user.get("onboardedAt") is not None,
        **extras.of_user(user),
    )


class _Newest:
    """The organization that was shown last: when it changes, all its members are shown the same."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._shape: Organization

    def __call__(self, organization: Document) -> Organization:
        if organization is not self._document:
            self._shape = Organization(
                id=format_id(organization["_id"]),
                name=text(organization, "name"),
                slug=text(organization, "slug"),
                logo=text_or_none(organization, "logo"),
                created_at=date(organization, "createdAt"),
            )
            self._document = organization
        return self._shape


_organization = _Newest()


def _organizations_item(
    organization: Document, member: Document, active: Active | None
) -> OrganizationsItem:
    plain = _organization(organization)
    return OrganizationsItem(
        id=plain.id,
        name=plain.name,
        slug=plain.slug,
        logo=plain.logo,
        created_at=plain.created_at,
        role=text(member, "role"),
        active=active is not None and active.organization["_id"] == organization["_id"],
    )


def _organization_view(ctx: SessionContext, active: Active) -> OrganizationView:
    plain = _organization(active.organization)
    role = text(active.member, "role")
    inviting = may(role, {"invitation": ["create"]})
    if inviting:
        ctx.expect("invitation", organizationId=active.organization["_id"])
    members = ctx.where("member", organizationId=active.organization["_id"])
    members.sort(key=lambda m: (date(m, "createdAt") or "", str(m["_id"])))
    people = ctx.get_many(
        "user", [m["userId"] for m in members if isinstance(m.get("userId"), ObjectId | str)]
    )
    by_id = {each["_id"]: each for each in people}
    invitations = (
        ctx.where("invitation", organizationId=active.organization["_id"]) if inviting else []
    )
    return OrganizationView(
        id=plain.id,
        name=plain.name,
        slug=plain.slug,
        logo=plain.logo,
        created_at=plain.created_at,
        role=role,
        members=[_member(each, by_id) for each in members],
        invitations=[_invitation(each) for each in invitations if _may_see(role, each)],
    )


def _may_see(role: str, invitation: Document) -> bool:
    """Only owners see who is to become one."""
    return has_role(role, "owner") or not has_role(text(invitation, "role"), "owner")


def _member(member: Document, people: Mapping[Any, Document]) -> Member:
    user_id = member.get("userId")
    user = people.get(user_id) if isinstance(user_id, ObjectId | str) else None
    return Member(
        id=format_id(member["_id"]),
        user_id=format_id(member.get("userId")),
        role=text(member, "role"),
        created_at=date(member, "createdAt"),
        user=None
        if user is None
        else MemberUser(
            id=format_id(user["_id"]),
            name=text(user, "name"),
            email=text(user, "email"),
            image=text_or_none(user, "image"),
        ),
    )


def _invitation(invitation: Document) -> Invitation:
    return Invitation(
        id=format_id(invitation["_id"]),
        email=text(invitation, "email"),
        role=text(invitation, "role"),
        status=text(invitation, "status"),
        expires_at=date(invitation, "expiresAt"),
        inviter_id=format_id(invitation.get("inviterId")),
    )


def _device(ctx: SessionContext, session: Document, current: Document) -> Device:
    span = span_of(session, maximum=ctx.maximum)
    return Device(
        id=format_id(session["_id"]),
        created_at=date(session, "createdAt"),
        updated_at=date(session, "updatedAt"),
        expires_at=None if span is None else format_date(span.ends_at),
        ip_address=text_or_none(session, "ipAddress"),
        user_agent=text_or_none(session, "userAgent"),
        current=session["_id"] == current["_id"],
    )
