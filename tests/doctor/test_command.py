"""`sessionwire doctor` as its user runs it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

import sessionwire
from doctor.seen import SECRET, codes, only
from sessionwire.cli.findings import show
from sessionwire.cli.program import program
from sessionwire.doctor.catalogue import CATALOGUE
from sessionwire.doctor.check import Check, run_checks
from sessionwire.doctor.examination import Asked, examine, origin_of
from sessionwire.doctor.finding import Finding, Report, Severity, found, report_of
from sessionwire.doctor.looking.settings import look_at_settings
from sessionwire.startup import checked, refusals
from support.process import serve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.store.embedded import EmbeddedMongo

_PACKAGES = str(Path(sessionwire.__file__).parents[1])
_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PASSWORD = "hunter2hunter2"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    error: str

    @property
    def report(self) -> Report:
        return msgspec.json.decode(self.out, type=Report)


async def doctor(room: Path, *options: str, given: str = "", **environment: str) -> Said:
    """Run it in this directory, with these SESSIONWIRE_ settings and nothing of the machine's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONWIRE_")}
    named = {f"SESSIONWIRE_{name.upper()}": value for name, value in environment.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sessionwire", "doctor", *options),
        cwd=room,
        env={**kept, "PYTHONPATH": _PACKAGES, "COLUMNS": "80", **named},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate(given.encode())
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), error.decode())


async def test_the_set_up_of_a_running_server_is_examined_without_disturbing_it(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path / "kept", "--demo") as served:
        alice = await served.web.sign_up()
        cookie = "; ".join(f"{each.name}={each.value}" for each in alice.cookies.jar)
        options = ("--url", served.address, "--data-dir", str(tmp_path / "kept"), "--cookie", "-")
        said = await doctor(tmp_path, *options, "--json", given=f"Cookie: {cookie}\n")
        assert (said.code, said.error) == (0, "")
        assert codes(said.report.findings, "error", "warning") == []
        assert {"mongodb-place", "http-read", "socket-read"} <= set(codes(said.report.findings))
        assert "of a server that runs" in said.out
        assert (await alice.get("/api/auth/get-session")).json()["user"]["name"] == "Alice"
        assert [each.is_running for each in served.mongods()] == [True]


async def test_with_nothing_set_a_trial_is_made_and_nothing_is_left(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    said = await doctor(room, SESSIONWIRE="", base_url="http://127.0.0.1:1")
    assert said.code == 0 and list(room.iterdir()) == []
    assert "There is no data yet" in " ".join(said.out.split())
    assert all(len(line) <= 80 for line in said.out.splitlines() if "export" not in line)


async def test_a_clock_that_is_two_hours_late_is_named(
    tmp_path: Path, mongo: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's package `faketime`; where it is not installed, the judgement's own tests will do."""
    if _FAKETIME is None:
        pytest.skip("faketime is not installed")
    monkeypatch.setenv("LD_PRELOAD", str(_FAKETIME))
    monkeypatch.setenv("FAKETIME", "-2h")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    uri = mongo.uri
    said = await doctor(tmp_path, "--json", mongodb_uri=uri, base_url="http://127.0.0.1:1")
    assert "7200.0 s ahead" in only(said.report.findings, "clock-skew").seen
    assert said.code == 1 and codes(said.report.findings, "error") == ["clock-skew"]


async def test_weak_settings_of_production_are_named_one_by_one(
    tmp_path: Path, mongo: EmbeddedMongo
) -> None:
    uri = f"mongodb://me:{PASSWORD}@127.0.0.1:1/?replicaSet=rs0"
    (tmp_path / "sessionwire.toml").write_text(f'mongodb_uri = "{uri}"\nbase_ur = "x"\n')
    said = await doctor(
        tmp_path, "--json",
        environment="production", secret="too short", base_url="http://app.example.com",
        trusted_origins="http://other.example.com", trusted_proxies="0.0.0.0/0",
        google_client_id="half", mongo_uri=uri, rate_limits="true",
    )  # fmt: skip
    assert said.code == 1
    refused = [each.seen for each in said.report.findings if each.code == "settings-refused"]
    named = ("SECRET is shorter", "BASE_URL is http", "TRUSTED_PROXIES", "GOOGLE_CLIENT_SECRET")
    assert len(refused) == 4 and all(any(n in each for each in refused) for n in named)
    found_codes = codes(said.report.findings)
    assert {"variable-unknown", "file-line-unknown", "secret-readable", "mongodb-refused"} <= set(
        found_codes
    )
    assert "SESSIONWIRE_MONGODB_URI" in said.out and "SESSIONWIRE_RATE_LIMIT" in said.out
    assert PASSWORD not in said.out + said.error and "too short" not in said.out


async def in_this_process(**given: Any) -> list[Finding]:
    settings, seen = look_at_settings(os.environ, **given)
    return await examine(settings, seen, Asked())


async def test_settings_that_cannot_be_read_leave_the_machine_to_be_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "sessionwire.toml"
    file.write_text("secret = \n")
    assert codes(await in_this_process(), "error") == ["settings-file"]
    file.unlink()
    monkeypatch.setenv("SESSIONWIRE_ENVIRONMENT", "staging")
    monkeypatch.setenv("SESSIONWIRE_SMTP_PORT", "0")
    monkeypatch.setenv("SESSIONWIRE_SMTP_PASSWORD_FILE", str(tmp_path / "none"))
    findings = await in_this_process()
    assert codes(findings, "error") == ["settings-invalid"]  # the file that is not there
    monkeypatch.delenv("SESSIONWIRE_SMTP_PASSWORD_FILE")
    findings = await in_this_process()
    assert codes(findings, "error") == ["settings-invalid", "settings-invalid"]
    assert "python-version" in codes(findings)


async def test_an_embedded_mongod_that_does_not_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONWIRE_MONGOD", str(tmp_path / "none"))
    findings = await in_this_process(data_dir=tmp_path, base_url="http://127.0.0.1:1")
    assert {"embedded-refused", "embedded-mongod"} == set(codes(findings, "error"))


async def test_a_users_collection_that_cannot_be_is_a_refused_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"user_collection": "session", "base_url": "http://127.0.0.1:1", "data_dir": tmp_path}
    assert codes(await in_this_process(**given), "error") == ["settings-refused"]


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "ftp://x"),
        ("--origin", ""),
        ("--idle", "-1"),
        ("--route", "/api/me"),
        ("--cookie", "a=b", "--route", "api/me"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(program, ["doctor", *options]).exit_code == 2


def test_an_address_may_be_given_without_its_scheme_and_with_a_path() -> None:
    assert origin_of("app.Example.com/sign-in?x=1") == "https://app.example.com"
    assert origin_of("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"
    with pytest.raises(ValueError, match="no http"):
        origin_of("mailto:x@example.com")


async def test_a_check_that_fails_or_hangs_hides_no_other() -> None:
    async def well() -> Iterable[Finding]:
        return [found("settings", Severity.OK, "fine")]

    async def fails() -> Iterable[Finding]:
        raise RuntimeError("mongodb://me:s3cret@h/ went away")

    async def hangs() -> Iterable[Finding]:
        await asyncio.Event().wait()
        return []

    checks = [Check("one", fails), Check("two", hangs, within=0.05), Check("three", well)]
    findings = await run_checks(checks)
    assert codes(findings) == ["check-unfinished", "check-unfinished", "settings"]
    assert "s3cret" not in findings[0].seen and "0.05 s" in findings[1].seen
    assert report_of(findings, version="1", seconds=0.1).exit_code == 2


def test_the_exit_code_is_that_of_the_worst() -> None:
    ok, bad = found("settings", Severity.OK, "x"), found("standalone", Severity.ERROR, "y")
    unsure = found("check-unfinished", Severity.WARNING, "z")
    warning = found("origin-plain", Severity.WARNING, "w")
    for findings, code in (([ok, warning], 0), ([ok, unsure], 2), ([unsure, bad], 1)):
        assert report_of(findings, version="1", seconds=0.0).exit_code == code


def test_the_json_is_of_the_documented_shape() -> None:
    report = report_of([found("standalone", Severity.ERROR, "x")], version="1", seconds=0.1234)
    shape: dict[str, Any] = json.loads(msgspec.json.encode(report))
    assert set(shape) == {"sessionwire", "exit_code", "seconds", "counts", "findings"}
    assert set(shape["findings"][0]) == {
        "code", "severity", "area", "seen", "why", "remedy", "command",
    }  # fmt: skip
    assert shape["counts"] == {"ok": 0, "note": 0, "warning": 0, "error": 1}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_prose_is_wrapped_and_a_command_is_never_broken(width: int) -> None:
    command = "x" * 90
    finding = found("standalone", Severity.ERROR, "word " * 40, remedy="do " * 40, command=command)
    console = Console(width=width, record=True, file=io.StringIO())
    show(report_of([finding], version="1", seconds=1.0), console, quiet=False)
    lines = console.export_text().splitlines()
    assert any(line.strip() == command for line in lines)
    assert all(len(line) <= width for line in lines if command not in line)


def test_quiet_shows_warnings_and_errors_only() -> None:
    findings = [
        found("settings", Severity.OK, "one"),
        found("base-url-unset", Severity.NOTE, "two"),
        found("origin-plain", Severity.WARNING, "three"),
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    show(report_of(findings, version="1", seconds=1.0), console, quiet=True)
    printed = console.export_text()
    assert "three" in printed and "one" not in printed and "two" not in printed
    assert "1 warning, 1 note, 1 ok" in printed


def test_looking_at_settings_makes_no_secret_and_finds_the_one_that_is_kept(
    tmp_path: Path,
) -> None:
    settings, seen = look_at_settings({}, data_dir=tmp_path / "none")
    assert settings is not None and settings.secret is not None
    assert seen.secret == "unmade" and not (tmp_path / "none").exists()
    (tmp_path / "secret").write_text(SECRET)
    settings, seen = look_at_settings({}, data_dir=tmp_path)
    assert settings is not None and settings.keys == [SECRET] and seen.secret == "kept"


def test_a_kept_secret_that_is_weak_or_not_readable_is_refused_as_by_the_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_text("short")
    _, seen = look_at_settings({}, data_dir=tmp_path)
    assert ["shorter than 32" in said for said, _ in seen.refused] == [True]
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    _, seen = look_at_settings({}, data_dir=tmp_path)
    assert ["cannot be read" in said for said, _ in seen.refused] == [True]


def test_the_start_refuses_exactly_what_is_listed(tmp_path: Path) -> None:
    settings, seen = look_at_settings({}, data_dir=tmp_path, secret=SECRET)
    assert settings is not None and list(refusals(settings)) == [] and seen.refused == ()
    weak = settings.model_copy(update={"trusted_proxies": ("nobody",), "base_url": "http://x"})
    weak = weak.model_copy(update={"environment": "production"})
    listed = [each.message for each in refusals(weak)]
    assert len(listed) == 2
    with pytest.raises(type(next(refusals(weak))), match=listed[0][:30]):
        checked(weak)


def test_every_code_is_a_word_with_a_reason_and_is_looked_for_by_some_test() -> None:
    """A finding that no test names may never be found."""
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))
    for code, entry in CATALOGUE.items():
        assert code == code.lower() and " " not in code and "_" not in code
        assert entry.why.endswith(".") and entry.severities
        assert f'"{code}"' in tests, f"no test names {code}"
