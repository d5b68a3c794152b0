"""Where settings come from, and what the server refuses to start with."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from sessionwire.errors import StartupError
from sessionwire.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(secret=SECRET).database == "sessionwire"
    (tmp_path / "sessionwire.toml").write_text('database = "file"\n[limits]\nframe = 2048\n')
    assert load_settings(secret=SECRET).database == "file"
    monkeypatch.setenv("SESSIONWIRE_DATABASE", "environment")
    assert load_settings(secret=SECRET).database == "environment"
    assert load_settings(secret=SECRET, database="line").database == "line"
    assert load_settings(secret=SECRET, database=None).database == "environment"
    assert load_settings(secret=SECRET).limits.frame == 2048
    monkeypatch.setenv("SESSIONWIRE_LIMITS__FRAME", "4096")
    assert load_settings(secret=SECRET).limits.frame == 4096


def test_a_secret_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    monkeypatch.setenv("SESSIONWIRE_SECRET_FILE", str(tmp_path / "secret"))
    settings = load_settings()
    assert settings.secret is not None and settings.secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    monkeypatch.setenv("SESSIONWIRE_SECRET_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(StartupError, match="SESSIONWIRE_SECRET_FILE"):
        load_settings()


def test_a_development_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first, second = load_settings(data_dir=tmp_path / "d"), load_settings(data_dir=tmp_path / "d")
    assert first.secret == second.secret
    assert stat.S_IMODE((tmp_path / "d" / "secret").stat().st_mode) == 0o600


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONWIRE_TRUSTED_ORIGINS", "https://a.example, https://*.b.example")
    settings = load_settings(secret=SECRET)
    assert settings.trusted_origins == ("https://a.example", "https://*.b.example")


@pytest.mark.parametrize(
    "given",
    [
        {"environment": "production", "base_url": "https://app.example"},
        {"environment": "production", "base_url": "http://app.example", "secret": SECRET},
        {"secret": "short"},
        {"secret": "a" * 64},
        {"secret": "changeme" * 8},
        {"secret": SECRET, "base_url": "app.example"},
        {"secret": SECRET, "base_url": "https://app.example/path"},
        {"secret": SECRET, "trusted_origins": "*"},
        {"secret": SECRET, "trusted_origins": "https://*"},
        {"secret": SECRET, "cookie_prefix": "a b"},
        {"secret": SECRET, "driver": "mysql"},
        {"secret": SECRET, "limits": {"frame": 1}},
        {"secret": SECRET, "limits": {"frames": 1}},
    ],
)
def test_what_would_be_wrong_or_insecure_refuses_to_start(given: dict[str, object]) -> None:
    with pytest.raises(StartupError) as caught:
        load_settings(**given)
    assert caught.value.remedy
    assert "Traceback" not in str(caught.value)


def test_until_an_address_is_configured_development_trusts_this_machine(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path).any_port
    assert not load_settings(data_dir=tmp_path, base_url="http://127.0.0.1:8000").any_port
    assert not load_settings(
        environment="production", base_url="https://app.example.com", secret=SECRET
    ).any_port


def test_one_provider_may_be_configured_without_nesting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONWIRE_OIDC_ISSUER", "https://id.example.com")
    monkeypatch.setenv("SESSIONWIRE_OIDC_CLIENT_ID", "app")
    monkeypatch.setenv("SESSIONWIRE_OIDC__OTHER__ISSUER", "https://other.example.com")
    monkeypatch.setenv("SESSIONWIRE_OIDC__OTHER__CLIENT_ID", "app")
    providers = load_settings(secret=SECRET).providers
    assert {id: each.issuer for id, each in providers.items()} == {
        "oidc": "https://id.example.com",
        "other": "https://other.example.com",
    }
