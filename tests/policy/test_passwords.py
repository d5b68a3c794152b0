from __future__ import annotations

import pytest

from sessionwire.policy.passwords import PasswordFault, fault_of, is_too_long


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", PasswordFault.TOO_SHORT),
        ("1234567", PasswordFault.TOO_SHORT),
        ("12345678", None),
        ("пароль12", None),
        ("😀" * 7, PasswordFault.TOO_SHORT),
        ("😀" * 8, None),
        (" " * 8, None),
        ("a" * 128, None),
        ("😀" * 128, None),
        ("a" * 129, PasswordFault.TOO_LONG),
    ],
)
def test_length_is_counted_in_characters(password: str, fault: PasswordFault | None) -> None:
    assert fault_of(password) is fault


def test_a_lone_surrogate_is_counted_without_raising() -> None:
    assert not is_too_long("\ud800" * 20)
