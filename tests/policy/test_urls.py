"""No password leaves in a URL, however it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.policy.urls import masked_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://a,b:27018/db?replicaSet=rs0", "mongodb://a,b:27018/db?replicaSet=rs0"),
        ("mongodb://u:p@a,b/db", "mongodb://u:***@a,b/db"),
        ("mongodb+srv://u:p%40q@a/?w=majority", "mongodb+srv://u:***@a/?w=majority"),
        ("mongodb://u:p/q?r@s@a/db", "mongodb://u:***@a/db"),
        ("https://token@hook.example/", "https://***@hook.example/"),
        ("https://a/?token=x&b=1", "https://a/?token=***&b=1"),
        ("https://a/?api_key=x#y", "https://a/?api_key=***#y"),
        (
            "mongodb://a/?tlsCertificateKeyFilePassword=x&authMechanismProperties=T:y&w=1",
            "mongodb://a/?tlsCertificateKeyFilePassword=***&authMechanismProperties=***&w=1",
        ),
        ("sessionwire <no-reply@localhost>", "sessionwire <no-reply@localhost>"),
        ("", ""),
    ],
)
def test_what_is_secret_in_a_url_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@given(st.text(min_size=1), st.sampled_from(["a.example", "a,b:1/db?w=1"]))
def test_no_password_is_left_over(password: str, place: str) -> None:
    assert masked_url(f"mongodb://u:{password}@{place}") == f"mongodb://u:***@{place}"
