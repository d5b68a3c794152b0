"""The benchmarks run: every workload once, small, and without thresholds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "bench" / "peers" / "node_modules"


@pytest.mark.skipif(not PEERS.is_dir(), reason="npm install --prefix bench/peers")
def test_every_workload_gives_figures_of_ours_and_of_a_peer(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    rows = json.loads(found.read_text())["rows"]
    assert {row["workload"] for row in rows} == set("abcdefghi")
    for row in rows:
        assert all(value > 0 for value in row["values"]["sessionwire"]), row
    compared = {row["workload"] for row in rows if len(row["values"]) > 1}
    assert compared == set("abcdefgh")


def test_the_hub_is_measured_without_sockets_and_database() -> None:
    command = [sys.executable, "-m", "bench.hub", "--people", "40"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^ *[0-9.]+ µs per ", done.stdout, re.M)) == 2
