from __future__ import annotations

import importlib

import pytest

from sessionwire.policy.passwords import PasswordFault, PasswordRules, fault_of, is_too_long


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


def test_pw_04_the_commonest_passwords_are_refused_in_any_case() -> None:
    rules = PasswordRules(refuse_common=True)
    for password in ("password1", "PassWord1", "QWERTYUIOP", "iloveyou1", "ｐａｓｓｗｏｒｄ1"):
        assert rules.fault_of(password) is PasswordFault.COMPROMISED, password
    for password in ("correct horse battery", "xkcd-936-tr0ub4dor"):
        assert rules.fault_of(password) is None, password


def test_pw_04_every_one_of_the_first_10_000_is_refused() -> None:
    listed = importlib.import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS["passwords"]
    rules = PasswordRules(refuse_common=True)
    assert all(rules.fault_of(each) is not None for each in listed[:10_000])


@pytest.mark.parametrize(
    "password",
    [
        "alice2024",
        "12-Alice.Smith_9",
        "alicesmith!",
        "alice smith",
        "alice@mail.test",
        "2026Example!!",
        "app.example.com",
        "SessionWire1",
        "00sessionwire00",
    ],
)
def test_pw_04_words_that_belong_to_the_user_or_the_server_are_no_secret(password: str) -> None:
    rules = PasswordRules.of("https://app.example.com:8443", refuse_common=True)
    own = ("Alice Smith", "alice@mail.test")
    assert rules.fault_of(password, own=own) is PasswordFault.COMPROMISED
    assert PasswordRules().fault_of(password, own=own) is None


def test_a_password_of_digits_is_not_taken_for_an_empty_name() -> None:
    rules = PasswordRules(refuse_common=True)
    assert rules.fault_of("7305829164", own=("", "42")) is None


def test_length_is_asked_for_first() -> None:
    rules = PasswordRules(refuse_common=True)
    assert rules.fault_of("qwerty") is PasswordFault.TOO_SHORT
    assert rules.fault_of("a" * 129) is PasswordFault.TOO_LONG
