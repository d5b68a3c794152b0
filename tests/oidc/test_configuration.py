from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import SECRET
from sessionwire.errors import StartupError
from sessionwire.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_provider_is_configured_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSIONWIRE_OIDC__KEYCLOAK__ISSUER", "https://id.example.com/realms/x")
    monkeypatch.setenv("SESSIONWIRE_OIDC__KEYCLOAK__CLIENT_ID", "app")
    monkeypatch.setenv("SESSIONWIRE_OIDC__KEYCLOAK__CLIENT_SECRET", "hush")
    providers = load_settings(secret=SECRET).providers
    assert providers["keycloak"].issuer == "https://id.example.com/realms/x"
    assert "hush" not in repr(providers)


def test_a_provider_is_configured_by_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessionwire.toml").write_text(
        '[oidc.staff]\nissuer = "https://id.example.com"\nclient_id = "app"\n'
        'parameters = { prompt = "select_account" }\n'
    )
    made = load_settings(secret=SECRET).providers["staff"]
    assert made.parameters == {"prompt": "select_account"}
    assert made.client_secret is None


@pytest.mark.parametrize(
    ("id", "issuer"),
    [("credential", "https://id.example.com"), ("a/b", "https://id.example.com")],
)
def test_the_server_does_not_start_with_an_id_that_cannot_be_one(id: str, issuer: str) -> None:
    with pytest.raises(StartupError, match="cannot be the id of a provider"):
        load_settings(secret=SECRET, oidc={id: {"issuer": issuer, "client_id": "app"}})


def test_in_production_the_server_does_not_start_with_an_issuer_over_http() -> None:
    plain = {"issuer": "http://keycloak:8080/realms/x", "client_id": "app"}
    production = {"environment": "production", "base_url": "https://app.example.com"}
    with pytest.raises(StartupError, match="must be https"):
        load_settings(secret=SECRET, oidc={"acme": plain}, **production)
    assert load_settings(secret=SECRET, oidc={"acme": plain}).providers.keys() == {"acme"}
