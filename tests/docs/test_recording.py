"""The examples of docs/recording.md and docs/tail.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

import sessionwire.cli  # noqa: F401 (it adds the commands)
from docs.examples import ROOT, example
from sessionwire.cli.program import program

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/recording.md"


def test_the_example_of_a_test_passes_in_an_application_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(example(PAGE, 0))
    (tmp_path / "test_dashboard.py").write_text(example(PAGE, 1))
    options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "server"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "1 passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_example_of_the_mock_runs() -> None:
    (block,) = re.findall(r"```js\n(.*?)```", (ROOT / PAGE).read_text(), re.DOTALL)
    checks = """
    const { data, reason } = client.session.get();
    if (data !== null || reason !== 'revoked') throw Error(JSON.stringify(client.session.get()));
    client.close();
    """
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", block + checks],
        cwd=ROOT / "client_js",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", [PAGE, "docs/tail.md"])
def test_the_commands_of_the_page_exist_with_these_options(page: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    assert lines
    for line in lines:
        words = shlex.split(line.partition("#")[0].partition("|")[0])
        command = get_command(program).commands[words[1]]  # type: ignore[attr-defined]
        context = command.make_context(words[1], words[2:])
        assert context.params
