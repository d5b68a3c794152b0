"""Runs the JavaScript client's own tests, and the recorded conversations among them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client_js"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_javascript_client_passes_its_tests() -> None:
    run = subprocess.run(
        ["node", "--test"], cwd=CLIENT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout
