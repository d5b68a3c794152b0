"""The JSON shapes of the built-in queries (docs/protocol.md#built-in-queries)."""

from __future__ import annotations

import msgspec

__all__ = [
    "Device",
    "Invitation",
    "Member",
    "MemberUser",
    "Organization",
    "OrganizationView",
    "OrganizationsItem",
    "Session",
    "SessionView",
    "User",
]


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
