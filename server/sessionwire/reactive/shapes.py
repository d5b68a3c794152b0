"""The JSON shapes of the built-in queries (docs/protocol.md#built-in-queries)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "Shape",
    "User",
]


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """Reads also like the JSON object it becomes: `user["emailVerified"]`, `dict(user)`."""

    def keys(self) -> tuple[str, ...]:
        return self.__struct_encode_fields__

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __getitem__(self, name: str) -> Any:
        fields = dict(zip(self.keys(), self.__struct_fields__, strict=True))
        return getattr(self, fields[name])


class Session(Shape, frozen=True, rename="camel"):
    id: str
    user_id: str
    created_at: str | None
    updated_at: str | None
    expires_at: str | None
    refresh_at: str | None
    ip_address: str | None
    user_agent: str | None
    active_organization_id: str | None


class User(Shape, frozen=True, rename="camel"):
    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: str | None
    updated_at: str | None
    active_organization_id: str | None
    onboarded: bool


class Organization(Shape, frozen=True, rename="camel"):
    id: str
    name: str
    slug: str
    logo: str | None
    created_at: str | None


class SessionView(Shape, frozen=True, rename="camel"):
    session: Session
    user: User
    organization: Organization | None
    role: str | None
    scope: str


class OrganizationsItem(Organization, frozen=True, rename="camel"):
    role: str
    active: bool


class MemberUser(Shape, frozen=True, rename="camel"):
    id: str
    name: str
    email: str
    image: str | None


class Member(Shape, frozen=True, rename="camel"):
    id: str
    user_id: str
    role: str
    created_at: str | None
    user: MemberUser | None


class Invitation(Shape, frozen=True, rename="camel"):
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


class Device(Shape, frozen=True, rename="camel"):
    id: str
    created_at: str | None
    updated_at: str | None
    expires_at: str | None
    ip_address: str | None
    user_agent: str | None
    current: bool
