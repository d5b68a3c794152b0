from __future__ import annotations

import pytest

from sessionwire.errors import StartupError
from sessionwire.policy.exposure import fault_of, refuse_unfit


@pytest.mark.parametrize(
    "name", ["plan", "joinedAt", "favorite_color", "shipping", "opinion", "hashtags", "a1", "URL"]
)
def test_a_plain_name_may_be_shown(name: str) -> None:
    assert fault_of(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "password", "passwordHash", "pass_word", "twoFactorSecret", "apiKey", "api_key",
        "authToken", "hash", "pwHash", "salt", "otpSeed", "totp", "PIN", "backup_codes",
        "privateKey", "oauthCredentials",
    ],
)  # fmt: skip
def test_what_sounds_like_a_secret_may_not(name: str) -> None:
    assert fault_of(name) == "sounds like a secret"


@pytest.mark.parametrize("name", ["", "_id", "a.b", "$a", "a-b", "1a", "é", "a" * 65, "a b", "a\n"])
def test_what_is_no_name_may_not(name: str) -> None:
    assert fault_of(name) == "is not a name of letters, digits and _"


@pytest.mark.parametrize("name", ["id", "userId", "onboardedAt", "revision", "keys", "email"])
def test_what_means_something_already_may_not(name: str) -> None:
    assert fault_of(name, taken=frozenset({"email"})) == "has a meaning of its own"


def test_a_name_stands_once() -> None:
    refuse_unfit("USER_FIELDS", ("a", "b"), taken=frozenset())
    with pytest.raises(StartupError, match="'a' is named twice"):
        refuse_unfit("USER_FIELDS", ("a", "b", "a"), taken=frozenset())
