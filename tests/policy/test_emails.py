from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.policy.emails import canonical_email


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice@Example.COM", "alice@example.com"),
        ("a.b+c_d-e'f@sub.example.co", "a.b+c_d-e'f@sub.example.co"),
        ("1@1.io", "1@1.io"),
    ],
)
def test_an_address_has_one_form(text: str, canonical: str) -> None:
    assert canonical_email(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "nope", "@example.com", "a@", "a@b", "a@b.c", "a@example.com ", " a@example.com",
        "a@example.com\n", "a@example.com\r\nBcc: b@c.de", "a@example.com,b@example.com",
        "a@example.com;b@example.com", '"a b"@example.com', "<a@example.com>", "a@[127.0.0.1]",
        "a＠example.com", "ａ@example.com", "a@exаmple.com", "ß@example.com", "a@example.com\u200b",
        ".a@example.com", "a.@example.com", "a..b@example.com", "a@-example.com", "a@.com",
        "a@example..com", "a@b@example.com", "a@example.com@evil.test", "a@exam_ple.com",
        "K" * 65 + "@example.com", "a@" + "b" * 250 + ".com", "a\x00@example.com", "İ@example.com",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_no_address(text: str) -> None:
    assert canonical_email(text) is None


@given(st.emails())
def test_the_form_of_a_form_is_itself(text: str) -> None:
    canonical = canonical_email(text)
    assert canonical is None or canonical_email(canonical) == canonical == canonical.lower()
