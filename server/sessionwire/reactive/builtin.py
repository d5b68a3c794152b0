"""The built-in queries: session, user, organizations, organization and devices (docs/protocol.md#built-in-queries)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from sessionwire.errors import ProtocolError
from sessionwire.model import Document, format_date, format_id, parse_id
from sessionwire.policy.lifetime import refresh_at
from sessionwire.policy.roles import may

if TYPE_CHECKING:
    from sessionwire.reactive.view import Context, Queries

__all__ = ["Ended", "SignedIn", "add_builtin", "identify", "tombstone_id"]


class Session(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    user_id: str
    created_at: str | None
    updated_at: str | None
    expires_at: str | None
    refresh_at: str | None
    ip_address: str | None
    user_agent: str | None
    active_organization_id: str | None


class User(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: str | None
    updated_at: str | None
    active_organization_id: str | None
    onboarded: bool


class Organization(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    slug: str
    logo: str | None
    created_at: str | None


class SessionView(msgspec.Struct, frozen=True, rename="camel"):
    session: Session
    user: User
    organization: Organization | None
    role: str | None
    scope: str


class OrganizationsItem(Organization, frozen=True, rename="camel"):
    role: str
    active: bool


class MemberUser(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    email: str
    image: str | None


class Member(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    user_id: str
    role: str
    created_at: str | None
    user: MemberUser | None


class Invitation(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    email: str
    role: str
    status: str
    expires_at: str | None
    inviter_id: str


class OrganizationView(Organization, frozen=True, rename="camel"):
    role: str
    members: list[Member]
    invitations: list[Invitation]


class Device(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    created_at: str | None
    updated_at: str | None
    expires_at: str | None
    ip_address: str | None
    user_agent: str | None
    current: bool


EndReason = Literal["signed_out", "revoked", "expired", "password_changed", "banned", "deleted"]
_REASONS: frozenset[str] = frozenset(EndReason.__args__)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The credential names a session of this user; whether it is expired is for who has a clock."""

    session: Document
    user: Document


@dataclass(frozen=True, slots=True)
class Ended:
    """The credential names no session (any more)."""

    reason: EndReason


def tombstone_id(credential: str) -> str:
    """Under which `_id` the collection `sessionEnd` says why a session ended."""
    return hashlib.sha256(b"sessionEnd:" + credential.encode()).hexdigest()


def identify(ctx: Context) -> SignedIn | Ended | None:
    """Who the viewer is: None for nobody, `Ended` when the session is over."""
    credential = ctx.viewer.credential
    if credential is None:
        return None
    sessions = ctx.where("session", token=credential)
    if not sessions:
        stone = ctx.get("sessionEnd", tombstone_id(credential))
        reason = stone.get("reason") if stone else None
        return Ended(reason if reason in _REASONS else "revoked")
    session = sessions[0]
    user_id = session.get("userId")
    if user_id is None:
        return Ended("deleted")
    ctx.expect("member", userId=user_id)
    user = ctx.get("user", user_id)
    if user is None:
        return Ended("deleted")
    return Ended("banned") if user.get("banned") is True else SignedIn(session, user)


def add_builtin(queries: Queries, *, active_organization: Literal["user", "session"]) -> None:
    """Register the five; `active_organization` says whose field is the truth."""

    def pointed(who: SignedIn) -> object:
        holder = who.user if active_organization == "user" else who.session
        return holder.get("activeOrganizationId")

    def session(ctx: Context, organization: str | None = None) -> SessionView | None:
        who = identify(ctx)
        if not isinstance(who, SignedIn):
            return None
        active = _active(ctx, who, pointed(who), pin=organization)
        return _session_view(who, active)

    def user(ctx: Context) -> User | None:
        who = identify(ctx)
        if not isinstance(who, SignedIn):
            return None
        return _user(who.user, _active(ctx, who, pointed(who), pin=None))

    def organizations(
        ctx: Context, organization: str | None = None
    ) -> list[OrganizationsItem] | None:
        who = identify(ctx)
        if not isinstance(who, SignedIn):
            return None
        memberships = _memberships(ctx, who)
        ctx_ids = [m["organizationId"] for m in memberships]
        found = {each["_id"]: each for each in ctx.get_many("organization", ctx_ids)}
        active = _active(ctx, who, pointed(who), pin=organization)
        return [
            _organizations_item(found[m["organizationId"]], m, active)
            for m in memberships
            if m["organizationId"] in found
        ]

    def organization_(ctx: Context, organization: str | None = None) -> OrganizationView | None:
        who = identify(ctx)
        if not isinstance(who, SignedIn):
            return None
        active = _active(ctx, who, pointed(who), pin=organization)
        return None if active is None else _organization_view(ctx, active)

    def devices(ctx: Context) -> list[Device] | None:
        who = identify(ctx)
        if not isinstance(who, SignedIn):
            return None
        sessions = ctx.where("session", userId=who.user["_id"])
        newest = sorted(sessions, key=lambda s: (_date(s, "createdAt") or "", str(s["_id"])))
        return [_device(each, who.session) for each in reversed(newest)]

    queries.add("session", session)
    queries.add("user", user)
    queries.add("organizations", organizations)
    queries.add("organization", organization_)
    queries.add("devices", devices)


@dataclass(frozen=True, slots=True)
class _Active:
    organization: Document
    member: Document


def _memberships(ctx: Context, who: SignedIn) -> list[Document]:
    """The viewer's, oldest first; of a pair that was written twice, the older."""
    found = ctx.where("member", userId=who.user["_id"])
    unique: dict[Any, Document] = {}
    for each in sorted(found, key=lambda m: (_date(m, "createdAt") or "", str(m["_id"]))):
        if each.get("organizationId") is not None:
            unique.setdefault(each["organizationId"], each)
    return list(unique.values())


def _active(ctx: Context, who: SignedIn, pointer: object, *, pin: str | None) -> _Active | None:
    """The organization shown: the pin's, else the active one; only with a membership (P2).

    Raises ProtocolError `not_a_member` for a pin that is not the viewer's.
    """
    wanted = pointer if pin is None else pin
    wanted = parse_id(wanted) if isinstance(wanted, str) else wanted
    found = None
    for member in _memberships(ctx, who):
        if member["organizationId"] == wanted:
            organization = ctx.get("organization", member["organizationId"])
            found = None if organization is None else _Active(organization, member)
    if found is None and pin is not None:
        raise ProtocolError("not a member of this organization", code="not_a_member")
    return found


def _session_view(who: SignedIn, active: _Active | None) -> SessionView:
    session = who.session
    active_id = None if active is None else format_id(active.organization["_id"])
    return SessionView(
        session=Session(
            id=format_id(session["_id"]),
            user_id=format_id(session["userId"]),
            created_at=_date(session, "createdAt"),
            updated_at=_date(session, "updatedAt"),
            expires_at=_date(session, "expiresAt"),
            refresh_at=_refresh_at(session),
            ip_address=_text_or_none(session, "ipAddress"),
            user_agent=_text_or_none(session, "userAgent"),
            active_organization_id=active_id,
        ),
        user=_user(who.user, active),
        organization=None if active is None else _organization(active.organization),
        role=None if active is None else _text(active.member, "role"),
        scope=_scope(who.user, active),
    )


def _scope(user: Document, active: _Active | None) -> str:
    parts = [format_id(user["_id"])]
    if active is not None:
        parts += [format_id(active.organization["_id"]), _text(active.member, "role")]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=9).hexdigest()


def _refresh_at(session: Document) -> str | None:
    expires_at, updated_at = session.get("expiresAt"), session.get("updatedAt")
    if not isinstance(expires_at, datetime) or not isinstance(updated_at, datetime):
        return None
    due = refresh_at(expires_at=expires_at, updated_at=updated_at)
    return None if due is None else format_date(due)


def _user(user: Document, active: _Active | None) -> User:
    return User(
        id=format_id(user["_id"]),
        name=_text(user, "name"),
        email=_text(user, "email"),
        email_verified=user.get("emailVerified") is True,
        image=_text_or_none(user, "image"),
        created_at=_date(user, "createdAt"),
        updated_at=_date(user, "updatedAt"),
        active_organization_id=None if active is None else format_id(active.organization["_id"]),
        onboarded=user.get("onboardedAt") is not None,
    )


def _organization(organization: Document) -> Organization:
    return Organization(
        id=format_id(organization["_id"]),
        name=_text(organization, "name"),
        slug=_text(organization, "slug"),
        logo=_text_or_none(organization, "logo"),
        created_at=_date(organization, "createdAt"),
    )


def _organizations_item(
    organization: Document, member: Document, active: _Active | None
) -> OrganizationsItem:
    plain = _organization(organization)
    return OrganizationsItem(
        id=plain.id,
        name=plain.name,
        slug=plain.slug,
        logo=plain.logo,
        created_at=plain.created_at,
        role=_text(member, "role"),
        active=active is not None and active.organization["_id"] == organization["_id"],
    )


def _organization_view(ctx: Context, active: _Active) -> OrganizationView:
    plain = _organization(active.organization)
    role = _text(active.member, "role")
    inviting = may(role, {"invitation": ["create"]})
    if inviting:
        ctx.expect("invitation", organizationId=active.organization["_id"])
    members = ctx.where("member", organizationId=active.organization["_id"])
    members.sort(key=lambda m: (_date(m, "createdAt") or "", str(m["_id"])))
    people = ctx.get_many("user", [m["userId"] for m in members if m.get("userId") is not None])
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
        members=[_member(each, by_id.get(each.get("userId"))) for each in members],
        invitations=[_invitation(each) for each in invitations],
    )


def _member(member: Document, user: Document | None) -> Member:
    return Member(
        id=format_id(member["_id"]),
        user_id=format_id(member.get("userId")),
        role=_text(member, "role"),
        created_at=_date(member, "createdAt"),
        user=None
        if user is None
        else MemberUser(
            id=format_id(user["_id"]),
            name=_text(user, "name"),
            email=_text(user, "email"),
            image=_text_or_none(user, "image"),
        ),
    )


def _invitation(invitation: Document) -> Invitation:
    return Invitation(
        id=format_id(invitation["_id"]),
        email=_text(invitation, "email"),
        role=_text(invitation, "role"),
        status=_text(invitation, "status"),
        expires_at=_date(invitation, "expiresAt"),
        inviter_id=format_id(invitation.get("inviterId")),
    )


def _device(session: Document, current: Document) -> Device:
    return Device(
        id=format_id(session["_id"]),
        created_at=_date(session, "createdAt"),
        updated_at=_date(session, "updatedAt"),
        expires_at=_date(session, "expiresAt"),
        ip_address=_text_or_none(session, "ipAddress"),
        user_agent=_text_or_none(session, "userAgent"),
        current=session["_id"] == current["_id"],
    )


# A foreign writer may have put anything into a field (I11): what is not of the field's type reads as empty.


def _text(document: Document, field: str) -> str:
    value = document.get(field)
    return value if isinstance(value, str) else ""


def _text_or_none(document: Document, field: str) -> str | None:
    value = document.get(field)
    return value if isinstance(value, str) else None


def _date(document: Document, field: str) -> str | None:
    value = document.get(field)
    return format_date(value) if isinstance(value, datetime) else None
