from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sessionwire.policy.providers import Provider, fault_of, google, is_private


def provider(**more: Any) -> Provider:
    return Provider(**{"issuer": "https://id.example.com", "client_id": "me", **more})


def test_google_asks_for_what_the_contract_says() -> None:
    made = google("id", SecretStr("hush-hush"))
    assert made.issuer == "https://accounts.google.com"
    assert made.scopes == ("email", "profile", "openid")
    assert made.parameters == {"include_granted_scopes": "true"}
    assert "hush-hush" not in repr(made)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "ftp://id.example.com"},
        {"issuer": "https://id.example.com?x"},
        {"issuer": "https://id.example.com#x"},
        {"issuer": "https://user@id.example.com"},
        {"client_id": ""},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": ["RS256", "HS512"]},
        {"scopes": ["email"]},
        {"parameters": {"redirect_uri": "https://evil.test"}},
        {"parameters": {"state": "x"}},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_what_would_be_insecure_cannot_be_configured(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        provider(**wrong)


@pytest.mark.parametrize(
    ("issuer", "development", "allowed"),
    [
        ("https://id.example.com", False, True),
        ("http://127.0.0.1:9000", False, True),
        ("http://localhost/realms/x", False, True),
        ("http://[::1]:9000", False, True),
        ("http://keycloak:8080/realms/x", True, True),
        ("http://keycloak:8080/realms/x", False, False),
        ("http://127.0.0.1.example.com", False, False),
    ],
)
def test_http_is_for_this_machine_and_for_development(
    issuer: str, development: bool, allowed: bool
) -> None:
    fault = fault_of("acme", provider(issuer=issuer), development=development)
    assert (fault is None) is allowed


@pytest.mark.parametrize("id", ["", "a/b", "a b", "credential", "..", "-a", "x" * 64, "ä"])
def test_an_id_is_a_plain_segment_of_a_path(id: str) -> None:
    assert fault_of(id, provider(), development=True) is not None
    assert fault_of("google-2", provider(), development=False) is None


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("id.example.com", False),
        ("8.8.8.8", False),
        ("localhost", True),
        ("db.localhost", True),
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("::ffff:10.0.0.1", True),
        ("2606:4700::1111", False),
        ("2130706433", True),
        ("127.1", True),
        ("0x7f000001", True),
    ],
)
def test_hosts_of_ones_own_network_are_told_by_their_number(host: str, private: bool) -> None:
    assert is_private(host) is private
