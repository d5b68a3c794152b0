from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from sessionwire.policy import letters
from sessionwire.policy.letters import Words, with_query

BASE = "https://app.example.com"
TARGETED = [letters.reset_password, letters.verify_address, letters.change_address]


def every_letter() -> list[Words]:
    return [
        *(make(base_url=BASE, token="t", target=None) for make in TARGETED),
        letters.delete_account(base_url=BASE, token="t", target=None),
        letters.address_changed(base_url=BASE),
        letters.address_taken(base_url=BASE),
        letters.invitation(base_url=BASE, id="i", organization="Acme", inviter="a@example.com"),
    ]


@pytest.mark.parametrize("words", every_letter(), ids=lambda words: words.subject)
def test_every_letter_has_a_subject_of_one_line_names_the_server_and_shows_its_link(
    words: Words,
) -> None:
    assert words.subject.isprintable() and len(words.subject) <= 78
    assert "app.example.com" in words.text
    assert words.url is not None and words.url.startswith(f"{BASE}/")
    assert f"\n{words.url}\n" in words.text


def test_a_reset_leads_through_the_api_to_the_target() -> None:
    words = letters.reset_password(base_url=BASE, token="a/b", target="/x?y=1&z=2")
    parts = urlsplit(words.url or "")
    assert parts.path == "/api/auth/reset-password/a%2Fb"
    assert parse_qs(parts.query) == {"callbackURL": ["/x?y=1&z=2"]}


def test_a_confirmation_without_a_target_leads_to_a_page_that_asks_first() -> None:
    assert letters.verify_address(base_url=BASE, token="t", target=None).url == (
        f"{BASE}/verify-email?token=t"
    )
    assert letters.verify_address(base_url=BASE, token="t", target="/done").url == (
        f"{BASE}/api/auth/verify-email?token=t&callbackURL=%2Fdone"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Acme Inc.", "“Acme Inc.”"),
        ("Win at https://evil.test/x now", "“Win at https: //evil. test/ x now”"),
        ("evil.test", "“evil. test”"),
        ("a@evil.test", "“a@ evil. test”"),
        ("a\r\nBcc: b@c.de\r\n\r\nHello", "“a Bcc: b@ c. de Hello”"),
        ("tab\tbell\x07nel\x85sep\u2028end", "“tab bell nel sep end”"),
        ("x" * 500, f"“{'x' * 64}”"),
    ],
)
def test_a_name_is_one_line_without_links(name: str, said: str) -> None:
    words = letters.invitation(base_url=BASE, id="i", organization=name, inviter="a@b.cd")
    assert words.subject == f"Join {said}"
    assert f"to join {said} at" in words.text


@pytest.mark.parametrize(
    ("url", "extended"),
    [
        ("/x", "/x?error=E"),
        ("/x?a=1", "/x?a=1&error=E"),
        ("https://h/x#top", "https://h/x?error=E#top"),
        ("/x?a=1#top?", "/x?a=1&error=E#top?"),
    ],
)
def test_a_value_joins_the_query_before_the_fragment(url: str, extended: str) -> None:
    assert with_query(url, error="E") == extended
