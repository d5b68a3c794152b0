"""What was probably meant."""

from __future__ import annotations

import pytest

from sessionwire.policy.naming import nearest

KNOWN = ["SESSIONWIRE_BASE_URL", "SESSIONWIRE_DATABASE", "SESSIONWIRE_DATA_DIR"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SESSIONWIRE_BASEURL", "SESSIONWIRE_BASE_URL"),
        ("SESSIONWIRE_DATABSE", "SESSIONWIRE_DATABASE"),
        ("SESSIONWIRE_DATADIR", "SESSIONWIRE_DATA_DIR"),
        ("PATH", None),
        ("", None),
    ],
)
def test_a_slip_has_a_nearest_name_and_something_else_has_none(
    name: str, meant: str | None
) -> None:
    assert nearest(name, KNOWN) == meant
