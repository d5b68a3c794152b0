"""`python -m bench.growth`: the same figures at more and more sockets, and what partitioning gives.

It writes docs/images/growth.png and prints two tables.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient

from bench.contenders import OURS, ROOT, available, starting
from bench.database import mongod
from bench.files import raise_file_limit
from bench.people import COLD, add_people
from bench.workloads.run import Run
from sessionwire.gateways.pulse import PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.contenders import Contender

_SERIES = ((OURS, 1), (OURS, 2), ("node-hub", 1))
_FIGURES = {
    "p50": "a: write → frame p50, ms",
    "rate": "b: changes within 100 ms, 1/s",
    "rename": "c: rename → last socket, µs per socket",
    "memory": "e: resident memory per socket, KiB",
    "cpu": "h: CPU per pushed change, above rest, µs",
    "rest": "CPU at rest, ms per s",
}
_ROUNDS = 5
_EVENTS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--sizes", default="100,1000,5000,10000")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "images" / "growth.png")
    options = parser.parse_args()
    raise_file_limit()
    sizes = [int(each) for each in options.sizes.split(",")]
    with mongod() as uri, MongoClient[dict[str, Any]](uri) as client:
        found = {
            (name, workers): measured(client, uri, name, workers, sizes)
            for name, workers in _SERIES
            if available(name)
        }
        parts = {of: partitioned(client, uri, of) for of in (1, 2)}
    print(as_table(sizes, found))  # noqa: T201
    print(as_parts(parts))  # noqa: T201
    plot(options.plot, sizes, found)


def measured(
    client: MongoClient[dict[str, Any]], uri: str, name: str, workers: int, sizes: list[int]
) -> list[dict[str, float]]:
    """Every figure at each size, each socket that of another member of one place.

    The servers of all sizes run side by side and are measured in turns: one after the other, what
    differs would be the machine's mood.
    """
    label = _label((name, workers))
    with contextlib.ExitStack() as stack:
        found: list[dict[str, list[float]]] = []
        contenders = []
        for size in sizes:
            Run.note(f"{label}: {size} sockets")
            each = stack.enter_context(_populated(client, uri, name, workers, size))
            before = each.resident()
            each.load.do("connect", count=size, within=180)
            time.sleep(1)
            found.append({"memory": [(each.resident() - before) / size / 1024]})
            contenders.append(each)
        for figures, used in zip(found, _at_rest(contenders), strict=True):
            figures["rest"] = [used * 1e3]
        for number in range(_ROUNDS):
            turns = list(zip(contenders, sizes, found, strict=True))
            for each, size, figures in turns[number % len(turns) :] + turns[: number % len(turns)]:
                Run.note(f"{label}: {size} sockets, round {number + 1}")
                for figure, value in _figures(each, size, figures["rest"][0] / 1e3).items():
                    figures.setdefault(figure, []).append(value)
    return [{name: statistics.median(all) for name, all in each.items()} for each in found]


@contextlib.contextmanager
def _populated(
    client: MongoClient[dict[str, Any]], uri: str, name: str, workers: int, size: int
) -> Iterator[Contender]:
    database, secret = f"bench_{secrets.token_hex(4)}", secrets.token_urlsafe(48)
    people = add_people(
        client[database], secret, count=size, cold=0, organizations=1, buckets=size // 25, frozen=0
    )
    try:
        with starting(name, uri, database, secret, people, workers=workers) as contender:
            yield contender
    finally:
        client.drop_database(database)


def _at_rest(contenders: list[Contender]) -> list[float]:
    """What each uses of a core while nothing happens, for as long as every socket is pinged."""
    before = [each.cpu() for each in contenders]
    time.sleep(PERIOD)
    return [(each.cpu() - was) / PERIOD for each, was in zip(contenders, before, strict=True)]


def _figures(contender: Contender, size: int, at_rest: float) -> dict[str, float]:
    load = contender.load
    load.do("singly", writes=20)
    single = load.do("singly", writes=100)
    renamed = load.do("rename")["seconds"]
    began, spent = time.monotonic(), contender.cpu()
    paced = load.do("paced", rate=300, seconds=2)
    used = contender.cpu() - spent - (time.monotonic() - began) * at_rest
    sustained = load.do("sustained", seconds=2)
    return {
        "p50": single["p50"],
        "rate": sustained["rate"],
        "rename": renamed / size * 1e6,
        "cpu": used / paced["count"] * 1e6,
    }


def partitioned(client: MongoClient[dict[str, Any]], uri: str, of: int) -> list[dict[str, float]]:
    """What each of two processes sees and spends when the stream is cut in `of` parts."""
    name = f"bench_{secrets.token_hex(4)}"
    database = client[name]
    seeds = {"count": 0, "cold": 1_000, "organizations": 1, "buckets": 1, "frozen": 0}
    add_people(database, "", **seeds)
    readers = [_reader(uri, name, None if of == 1 else f"{number}/{of}") for number in range(2)]
    try:
        for number in range(_EVENTS // 1_000):
            database["user"].update_many({"bucket": COLD}, {"$set": {"image": f"{number}"}})
        time.sleep(3)
        return [_stopped(each) for each in readers]
    finally:
        for each in readers:
            each.kill()
        client.drop_database(name)


def _reader(uri: str, database: str, partition: str | None) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MONGODB_URI": uri,
        "DATABASE": database,
        **({} if partition is None else {"PARTITION": partition}),
    }
    command = [sys.executable, "-m", "bench.peers.floor_stream"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _stopped(reader: subprocess.Popen[str]) -> dict[str, float]:
    assert reader.stdout is not None
    reader.send_signal(signal.SIGTERM)
    found: dict[str, float] = json.loads(reader.stdout.readline())
    reader.wait()
    return found


def as_table(sizes: list[int], found: dict[tuple[str, int], list[dict[str, float]]]) -> str:
    lines = ["| figure | server | " + " | ".join(f"{size:,}" for size in sizes) + " |"]
    lines.append("|" + "---|" * (len(sizes) + 2))
    for figure, title in _FIGURES.items():
        for series, rows in found.items():
            cells = [
                f"{row[figure]:,.0f}" if row[figure] >= 100 else f"{row[figure]:.1f}"
                for row in rows
            ]
            lines.append(f"| {title} | {_label(series)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def as_parts(parts: dict[int, list[dict[str, float]]]) -> str:
    lines = ["| stream | reader | events | CPU, ms |", "|---|---|---|---|"]
    for of, readers in parts.items():
        title = "whole, to both" if of == 1 else "partitioned"
        for number, each in enumerate(readers, 1):
            spent = each["seconds"] * 1e3
            lines.append(f"| {title} | {number} | {each['events']:,.0f} | {spent:.0f} |")
    return "\n".join(lines)


def _label(series: tuple[str, int]) -> str:
    name, workers = series
    return name if name != OURS else f"{name}, {workers} worker{'s' if workers > 1 else ''}"


def plot(
    path: Path, sizes: list[int], found: dict[tuple[str, int], list[dict[str, float]]]
) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(2, 3, figsize=(14, 7))
    places = grid.flatten()
    for place, (key, title) in zip(places, _FIGURES.items(), strict=True):
        for series, rows in found.items():
            place.plot(sizes, [row[key] for row in rows], marker="o", label=_label(series))
        place.set(title=title, xscale="log", ylim=(0, None), xlabel="sockets")
        place.title.set_fontsize(9)
        place.grid(alpha=0.3)
    places[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
