"""`python -m bench`: every workload, side by side, and one table of it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient

from bench.contenders import OURS
from bench.database import mongod
from bench.files import raise_file_limit
from bench.table import as_json, as_markdown
from bench.workloads.crowds import fan_out, idle, storm
from bench.workloads.pushes import pushes
from bench.workloads.reads import session_reads
from bench.workloads.run import Run

if TYPE_CHECKING:
    from bench.table import Row

_LETTERS = "abcdefghi"


def main() -> None:
    options = _options()
    raise_file_limit()
    began = time.monotonic()
    rows: list[Row] = []
    with mongod() as uri, MongoClient[dict[str, Any]](uri) as client:
        rounds = 1 if options.quick else options.rounds
        run = Run(uri, client, options.quick, options.only, rounds)
        for workload in (pushes, fan_out, storm, idle, session_reads):
            rows += workload(run)
            run.note(f"so far:\n{as_markdown(rows, ours=OURS)}")
        rows.sort(key=lambda row: row.workload)
        about = {**_about(), "mongod": client.server_info()["version"]}
    about["rounds"] = str(rounds)
    about["seconds"] = f"{time.monotonic() - began:.0f}"
    print(as_markdown(rows, ours=OURS))  # noqa: T201
    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))  # noqa: T201
    if options.json is not None:
        found = {"about": about, "rows": as_json(rows, ours=OURS)}
        options.json.write_text(json.dumps(found, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once, and small")
    parser.add_argument(
        "--only", type=_letters, default=frozenset(_LETTERS), help="some workloads, such as a,c"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of pairs; 5 unless said otherwise")
    parser.add_argument("--json", type=Path, help="write every round's figures to this file, too")
    return parser.parse_args()


def _letters(text: str) -> frozenset[str]:
    found = frozenset(text.split(","))
    if not found <= frozenset(_LETTERS):
        raise argparse.ArgumentTypeError(f"workloads are {', '.join(_LETTERS)}")
    return found


def _about() -> dict[str, str]:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": str(len(os.sched_getaffinity(0))),
        "Python": platform.python_version(),
        "Node": node.stdout.strip().removeprefix("v"),
        **{name: version(name) for name in ("sessionwire", "uvicorn", "uvloop", "pymongo")},
    }


if __name__ == "__main__":
    main()
