"""What settings and the machine mean, by facts alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr

from doctor.seen import SECRET, bad, codes, only, settings
from sessionwire.doctor.facts import FileSeen, MachineSeen, MongodSeen, SettingsSeen
from sessionwire.doctor.judgement.machine import judge_machine, judge_mongod, version_of
from sessionwire.doctor.judgement.settings import (
    MAKE_SECRET,
    judge_readable,
    judge_settings,
)
from sessionwire.doctor.judgement.wires import judge_origin
from sessionwire.doctor.looking.settings import strength
from sessionwire.settings import Settings
from sessionwire.spelling import nearest, unknown_variables

GOOD = SettingsSeen(("SESSIONWIRE_SECRET",), secret_bits=160.0)
MACHINE = MachineSeen((3, 12, 4), (("starlette", "1.10.0"),), 100_000, 100_000, 4096, 10**11)
TODAY = date(2026, 11, 28)


def machine_codes(seen: MachineSeen, *, today: date = TODAY) -> set[str]:
    return bad(judge_machine(seen, connections=50_000, backlog=2048, today=today, production=True))


def test_nothing_is_wrong_with_good_settings() -> None:
    assert bad([*judge_readable(GOOD), *judge_settings(settings(), GOOD)]) == set()
    assert {"settings", "cookie-name", "origins", "secret-strength"} <= set(
        codes(judge_settings(settings(), GOOD), "ok")
    )


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SESSIONWIRE_MONGO_URI", "SESSIONWIRE_MONGODB_URI"),
        ("SESSIONWIRE_TRUSTED_ORIGIN", "SESSIONWIRE_TRUSTED_ORIGINS"),
        ("SESSIONWIRE_BASEURL", "SESSIONWIRE_BASE_URL"),
        ("SESSIONWIRE_LIMITS_FRAME", "SESSIONWIRE_LIMITS__FRAME"),
        ("SESSIONWIRE_SECRETS_FILE", "SESSIONWIRE_SECRET_FILE"),
    ],
)
def test_a_variable_that_nobody_reads_is_named_with_the_one_that_was_meant(
    variable: str, meant: str
) -> None:
    finding = only(judge_readable(SettingsSeen((variable,))), "variable-unknown")
    assert variable in finding.seen and meant in finding.remedy
    assert f"export {meant}=" in finding.command


def test_what_is_like_no_setting_is_named_without_a_guess() -> None:
    assert nearest("SESSIONWIRE_XYZZY_PLUGH") is None
    finding = only(judge_readable(SettingsSeen(("SESSIONWIRE_XYZZY_PLUGH",))), "variable-unknown")
    assert finding.command == "unset SESSIONWIRE_XYZZY_PLUGH"


def test_every_variable_that_is_read_is_known() -> None:
    names = [f"SESSIONWIRE_{each.upper()}" for each in Settings.model_fields]
    names += [f"SESSIONWIRE_{each.upper()}_FILE" for each in Settings.secret_fields]
    names += ["sessionwire_secret", "SESSIONWIRE_MONGOD", "SESSIONWIRE_LIMITS__CONNECTIONS"]
    names += ["SESSIONWIRE_OIDC__KEYCLOAK__ISSUER", "SESSIONWIRE_OIDC__A__PARAMETERS__PROMPT"]
    names += ["SESSIONWIRE_USER_MODEL__NAME"]
    assert unknown_variables(tuple(names)) == []


def test_a_file_for_what_is_no_secret_is_not_read() -> None:
    assert unknown_variables(("SESSIONWIRE_BASE_URL_FILE",)) == ["SESSIONWIRE_BASE_URL_FILE"]


def test_each_refusal_of_the_start_is_an_error_of_its_own() -> None:
    seen = SettingsSeen(
        (), invalid=(("a", "b"),), refused=(("c", "d"), ("e", f"Use: {MAKE_SECRET}"))
    )
    findings = list(judge_readable(seen))
    assert codes(findings, "error") == ["settings-invalid", "settings-refused", "settings-refused"]
    assert (findings[1].remedy, findings[1].command) == ("d", "")
    assert (findings[2].remedy, findings[2].command) == ("Use:", MAKE_SECRET)


def test_the_file_is_judged_by_its_lines_and_its_mode() -> None:
    file = FileSeen("sessionwire.toml", keys=("base_ur", "secret"), holds_secret=True, mode=0o644)
    findings = list(judge_readable(SettingsSeen((), file)))
    assert bad(findings) == {"file-line-unknown", "secret-readable"}
    assert "base_url" in only(findings, "file-line-unknown").remedy
    broken = SettingsSeen((), FileSeen("sessionwire.toml", fault="line 3"))
    assert only(judge_readable(broken), "settings-file").severity == "error"


def test_the_development_secret_is_told_of_and_kept_to_its_owner() -> None:
    kept = SettingsSeen((), secret="kept", secret_mode=0o644)
    assert codes(judge_readable(kept)) == ["secret-generated", "secret-readable"]
    assert codes(judge_readable(SettingsSeen((), secret="unmade"))) == ["secret-generated"]


def test_a_secret_of_words_is_weaker_than_one_of_chance() -> None:
    words = "correct horse battery staple wire"
    assert strength(words) < 100 < strength(SECRET)
    seen = SettingsSeen((), secret_bits=strength(words))
    assert bad(judge_settings(settings(), seen)) == {"secret-strength"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"trusted_origins": ("http://other.example.com",)}, "origin-plain"),
        ({"trusted_origins": ("https://*.example.com",)}, "origin-wildcard"),
        ({"allowed_hosts": ("other.example.com",)}, "hosts-exclude-public"),
        ({"allowed_hosts": ("app.example.com", "*.example.com")}, "hosts-open"),
        ({"trusted_proxies": ("8.0.0.0/8",)}, "proxies-wide"),
        ({"rate_limit": False}, "rate-limit-off"),
        ({"smtp_host": None}, "mail-nowhere"),
        ({"mongodb_uri": None}, "embedded-production"),
        ({"environment": "development"}, "environment-development"),
        (
            {"environment": "development", "base_url": "http://app.example.com"},
            "base-url-plain",
        ),
    ],
)
def test_a_weak_setting_is_named(changed: dict[str, Any], code: str) -> None:
    assert bad(judge_settings(settings(**changed), GOOD)) == {code}


@pytest.mark.parametrize(
    "origins",
    [("https://app.example.com",), ("https://a.test", "https://a.test")],
)
def test_an_origin_that_adds_nothing_is_a_note(origins: tuple[str, ...]) -> None:
    findings = list(judge_settings(settings(trusted_origins=origins), GOOD))
    assert codes(findings, "note") == ["origin-redundant"] and bad(findings) == set()


def test_an_origin_under_a_wildcard_is_redundant() -> None:
    origins = ("https://*.example.com", "https://www.example.com")
    findings = judge_settings(settings(trusted_origins=origins), GOOD)
    assert "https://www.example.com" in only(findings, "origin-redundant").seen


def test_lists_that_the_start_refuses_are_left_to_it() -> None:
    broken = settings(
        trusted_proxies=("nobody",), allowed_hosts=("no host!",), trusted_origins=("*",)
    )
    assert bad(judge_settings(broken, GOOD)) <= {"origin-wildcard"}
    assert bad(judge_origin("https://app.example.com", broken.base_url, broken)) == set()


def test_private_networks_of_proxies_may_be_wide() -> None:
    assert bad(judge_settings(settings(trusted_proxies=("10.0.0.0/8",)), GOOD)) == set()


def test_an_address_that_is_not_set_is_a_note() -> None:
    bare = Settings(secret=SecretStr(SECRET))
    assert "base-url-unset" in codes(judge_settings(bare, GOOD), "note")


def test_a_good_machine_is_well() -> None:
    assert machine_codes(MACHINE) == set()


def test_too_few_files_are_a_warning_with_a_number_that_fits() -> None:
    few = MachineSeen((3, 12, 4), (), 1024, 1024, 4096)
    finding = only(
        judge_machine(few, connections=50_000, backlog=1, today=TODAY, production=True),
        "open-files",
    )
    assert finding.severity == "warning" and "1024" in finding.seen
    assert finding.command == "export SESSIONWIRE_LIMITS__CONNECTIONS=824"
    raisable = MachineSeen((3, 12, 4), (), 1024, 10**6, 4096)
    finding = only(
        judge_machine(raisable, connections=50_000, backlog=1, today=TODAY, production=False),
        "open-files",
    )
    assert finding.severity == "note" and finding.command == "ulimit -n 50200"


def test_a_short_queue_of_handshakes_is_a_note() -> None:
    short = MachineSeen((3, 12, 4), (), 100_000, 100_000, 128)
    findings = judge_machine(short, connections=1, backlog=2048, today=TODAY, production=True)
    assert only(findings, "listen-backlog").severity == "note"


@pytest.mark.parametrize(
    ("name", "version"), [("pymongo", "4.18.1"), ("uvicorn", "0.52.0"), ("h11", "0.14.0")]
)
def test_a_library_with_a_known_fault_is_an_error(name: str, version: str) -> None:
    old = MachineSeen((3, 12, 4), ((name, version),), 100_000, 100_000, 4096)
    assert machine_codes(old) == {"library-version"}


def test_a_python_whose_branch_ended_is_a_warning() -> None:
    old = MachineSeen((3, 11, 7), (), 100_000, 100_000, 4096)
    assert machine_codes(old) == set()
    assert machine_codes(old, today=date(2028, 1, 1)) == {"python-version"}


def test_a_full_disk_is_a_warning() -> None:
    full = MachineSeen((3, 12, 4), (), 100_000, 100_000, 4096, 10**8)
    assert machine_codes(full) == {"disk-space"}


def test_versions_are_compared_by_their_numbers() -> None:
    assert version_of("0.54.0") > version_of("0.9.1")
    assert version_of("2.0rc1") == (2, 0)
    assert version_of("17") == (17,)


def test_a_mongod_that_is_missing_or_lacks_a_library_is_an_error() -> None:
    assert codes(judge_mongod(MongodSeen(fault=("none", "install it")))) == ["embedded-mongod"]
    lacking = MongodSeen("/usr/bin/mongod", missing=("libcurl.so.4",))
    assert bad(judge_mongod(lacking)) == {"embedded-libraries"}
    assert bad(judge_mongod(MongodSeen("/usr/bin/mongod", libraries=("libssl",)))) == set()
