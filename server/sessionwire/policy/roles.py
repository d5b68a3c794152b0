"""What each role of an organization may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ROLES", "has_role", "may", "split_roles"]

_OWNER: Mapping[str, frozenset[str]] = {
    "organization": frozenset({"update", "delete"}),
    "member": frozenset({"create", "update", "delete"}),
    "invitation": frozenset({"create", "cancel"}),
    "team": frozenset({"create", "update", "delete"}),
    "ac": frozenset({"create", "read", "update", "delete"}),
}

ROLES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "owner": _OWNER,
    "admin": {**_OWNER, "organization": frozenset({"update"})},
    "member": {"ac": frozenset({"read"})},
}
"""Role → resource → actions. A member document's `role` joins several by commas."""


def split_roles(role: str) -> list[str]:
    """The roles that a member document joins."""
    return [part.strip() for part in role.split(",") if part.strip()]


def has_role(role: str, wanted: str) -> bool:
    return wanted in split_roles(role)


def may(role: str, wanted: Mapping[str, Sequence[str]]) -> bool:
    """Whether one role grants all of `wanted` (resource → actions)."""
    if not wanted:
        return False
    return any(
        all(
            actions and set(actions) <= ROLES[name].get(resource, frozenset())
            for resource, actions in wanted.items()
        )
        for name in split_roles(role)
        if name in ROLES
    )
