from __future__ import annotations

import pytest

from sessionwire.policy.roles import has_role, may, split_roles


@pytest.mark.parametrize(
    ("role", "wanted", "granted"),
    [
        ("owner", {"organization": ["delete"]}, True),
        ("admin", {"organization": ["delete"]}, False),
        ("admin", {"organization": ["update"], "invitation": ["create"]}, True),
        ("member", {"member": ["delete"]}, False),
        ("member,admin", {"member": ["delete"]}, True),
        ("admin,member", {"organization": ["update"], "ac": ["read"]}, True),
        ("owner", {"unknown": ["delete"]}, False),
        ("owner", {"member": ["unknown"]}, False),
        ("owner", {}, False),
        ("owner", {"member": []}, False),
        ("", {"ac": ["read"]}, False),
        ("zzz", {"ac": ["read"]}, False),
    ],
)
def test_one_role_must_grant_all_that_is_wanted(
    role: str, wanted: dict[str, list[str]], granted: bool
) -> None:
    assert may(role, wanted) is granted


def test_a_role_is_one_of_those_joined_by_commas() -> None:
    assert has_role("admin, owner", "owner")
    assert not has_role("coowner", "owner")


@pytest.mark.parametrize(
    ("role", "roles"), [("", []), (" , ,", []), ("admin, owner,", ["admin", "owner"])]
)
def test_roles_are_read_however_they_are_spaced(role: str, roles: list[str]) -> None:
    assert split_roles(role) == roles
