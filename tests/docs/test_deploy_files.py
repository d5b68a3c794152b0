"""The examples in deploy/: the commands are ours, the times fit, and systemd takes the unit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sessionwire.cli.program import program
from sessionwire.policy.limits import Limits

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = (DEPLOY / "sessionwire.service").read_text(encoding="utf-8")
IMAGE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [UNIT, IMAGE], ids=["unit", "image"])
def test_the_command_has_no_option_that_there_is_not(text: str) -> None:
    shown = CliRunner().invoke(program, ["serve", "--help"], env={"COLUMNS": "200"}).output
    line = next(each for each in text.splitlines() if re.match("ExecStart=|ENTRYPOINT", each))
    options = re.findall(r"--[a-z-]+", line)
    assert options and all(option in shown for option in options)


def test_a_stop_has_the_time_that_it_takes() -> None:
    for pattern, text in ((r"TimeoutStopSec=(\d+)", UNIT), (r"stop_grace_period: (\d+)s", COMPOSE)):
        found = re.search(pattern, text)
        assert found is not None and int(found[1]) >= Limits().shutdown + 5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With a program that is there."""
    unit = tmp_path / "sessionwire.service"
    unit.write_text(UNIT.replace("/opt/sessionwire/bin/sessionwire", "/bin/true"))
    run = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0 and not run.stderr.strip(), run.stderr
