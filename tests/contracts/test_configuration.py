"""`sessionwire config` says what is set and by what, and shows no secret."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from sessionwire.cli.program import program
from sessionwire.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
PASSWORD = "open-sesame"


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith("SESSIONWIRE_")]:
        monkeypatch.delenv(name)


def run(*arguments: str, **settings: str) -> Result:
    given = {f"SESSIONWIRE_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(program, ["config", *arguments], env=given)


def read(*arguments: str, **settings: str) -> dict[str, Any]:
    ran = run("--json", *arguments, **settings)
    assert ran.exit_code == 0, ran.stderr
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def rows(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each.pop("name"): each for each in document["settings"]}


def test_each_setting_names_what_set_it(tmp_path: Path) -> None:
    (tmp_path / "sessionwire.toml").write_text(
        'database = "file"\ncookie_prefix = "file"\n[limits]\nheartbeat = 20\n'
    )
    (tmp_path / "secret").write_text(SECRET)
    found = rows(
        read(
            *("--data-dir", "here"),
            database="environment",
            data_dir="there",
            secret_file=str(tmp_path / "secret"),
            limits__frame="9000",
        )
    )
    assert found["database"] == {
        "source": "environment", "value": "environment", "from": "SESSIONWIRE_DATABASE",
    }  # fmt: skip
    assert found["cookie_prefix"] == {"source": "sessionwire.toml", "value": "file"}
    assert found["limits.heartbeat"] == {"source": "sessionwire.toml", "value": 20}
    assert found["limits.frame"]["from"] == "SESSIONWIRE_LIMITS__FRAME"
    assert found["limits.frame"]["value"] == 9000
    assert found["limits.body"] == {"source": "default", "value": 65536}
    assert found["data_dir"] == {
        "source": "command line", "value": "here", "from": "--data-dir",
    }  # fmt: skip
    assert found["secret"] == {
        "source": "secret file", "set": True, "from": "SESSIONWIRE_SECRET_FILE",
    }  # fmt: skip
    assert not (tmp_path / "here").exists() and not (tmp_path / "there").exists()


def test_every_setting_has_a_row(tmp_path: Path) -> None:
    found = rows(read())
    assert {each.partition(".")[0] for each in found} == set(Settings.model_fields)
    for name in (*Settings.secret_fields, "previous_secrets"):
        assert found[name]["set"] is False or name == "mongodb_uri", name


def test_no_secret_is_printed_in_either_form(tmp_path: Path) -> None:
    given = {
        "secret": SECRET,
        "previous_secrets": SECRET[::-1],
        "mongodb_uri": f"mongodb://app:{PASSWORD}@a.example,b.example/?replicaSet=rs0",
        "smtp_host": "mail.example",
        "smtp_username": "app",
        "smtp_password": PASSWORD,
        "webhook_url": f"https://hook:{PASSWORD}@hook.example/in?token={PASSWORD}",
        "webhook_secret": SECRET,
        "google_client_id": "app",
        "google_client_secret": PASSWORD,
        "oidc__keycloak__issuer": "https://id.example",
        "oidc__keycloak__client_id": "app",
        "oidc__keycloak__client_secret": PASSWORD,
    }
    for arguments in ([], ["--json"]):
        ran = run(*arguments, **given)
        assert ran.exit_code == 0, ran.stderr
        for hidden in (SECRET, SECRET[::-1], PASSWORD):
            assert hidden not in ran.stdout + ran.stderr
        assert "mongodb://app:***@a.example,b.example/?replicaSet=rs0" in ran.stdout
        assert "oidc.keycloak.client_secret" in ran.stdout
        assert "https://id.example" in ran.stdout


def test_a_name_that_is_none_is_listed_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "sessionwire.toml").write_text("databse = 'app'\n")
    given = {
        "base_ulr": "http://a.test",
        "database_file": "/x",
        "qqq": "1",
        "mongod": "/usr/bin/mongod",
        "oidc__acme__issuer": "https://id.example",
        "oidc__acme__client_id": "app",
    }
    document = read(**given)
    unknown = {each["name"]: (each["source"], each["nearest"]) for each in document["unknown"]}
    assert unknown == {
        "SESSIONWIRE_BASE_ULR": ("environment", "SESSIONWIRE_BASE_URL"),
        "SESSIONWIRE_DATABASE_FILE": ("environment", "SESSIONWIRE_DATABASE"),
        "SESSIONWIRE_QQQ": ("environment", None),
        "databse": ("sessionwire.toml", "database"),
    }
    shown = run(base_ulr="http://a.test")
    assert "SESSIONWIRE_BASE_ULR (environment). Is it SESSIONWIRE_BASE_URL?" in shown.stderr


def test_the_table_says_what_holds_in_production_and_breaks_no_line(tmp_path: Path) -> None:
    uri = "mongodb://a.example,b.example,c.example/?replicaSet=rs0&w=majority&appName=app"
    ran = run(environment="production", mongodb_uri=uri)
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["rate_limit", "yes", "default"] in lines
    assert ["mongodb_uri", uri, "SESSIONWIRE_MONGODB_URI"] in lines


def test_a_wrong_value_is_refused_with_the_remedy(tmp_path: Path) -> None:
    ran = run(limits__frame="many")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "SESSIONWIRE_LIMITS__FRAME" in ran.stderr and "Correct this setting." in ran.stderr
