"""a, b, g, h, i: changes of single users, pushed to each one's socket."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from bench.contenders import OURS
from bench.people import FROZEN
from bench.table import Goal, Row, as_markdown
from bench.workloads.run import WITHOUT_A_GOAL

if TYPE_CHECKING:
    from bench.contenders import Contender
    from bench.workloads.run import Run

__all__ = ["pushes"]

_HUB = "node-hub"
_PAIR = (OURS, _HUB)
_STREAM = "floor: bare stream"


def pushes(run: Run) -> list[Row]:
    """One setting for all of them: the pair that has goals first, and then the others."""
    if not any(map(run.wants, "abghi")):
        return []
    half = run.sized(1_000, 50)
    seeds = {"count": 2 * half, "cold": half, "organizations": max(1, half // 5)}
    seeds |= {"buckets": run.sized(40, 4), "frozen": max(1, half // 50)}
    goal = (Goal("≤", 1.0, _HUB),)
    p50, p99 = Row("a", "write → frame p50", "ms", goal), Row("a", "write → frame p99", "ms", goal)
    rate = Row("b", "changes within 100 ms", "1/s", (Goal("≥", 1.3, _HUB),))
    cost = Row("h", "server CPU per pushed change", "µs", (Goal("≤", 0.7, _HUB),))
    rows = [p50, p99, rate, cost]
    for names in (_PAIR, WITHOUT_A_GOAL):
        with run.contenders(names, connected=half, **seeds) as contenders:
            if run.wants("a"):
                _latency(run, contenders, p50, p99)
            for each in contenders:
                each.load.do("connect", count=half, within=120)
            if run.wants("b"):
                _sustained(run, contenders, rate)
            if run.wants("g") and names is _PAIR:
                rows += _unwatched(run, contenders)
            if run.wants("h"):
                _paced(run, contenders, cost)
            if run.wants("i") and names is _PAIR:
                rows += _frozen(run, contenders[0])
    measured = [row for row in rows if row.values]
    run.note("pushes so far:\n" + as_markdown(measured, ours=OURS))
    return sorted(measured, key=lambda row: row.workload)


def _measured(contender: Contender, do: str, **order: Any) -> tuple[dict[str, Any], float]:
    """What came of it, and the server's CPU microseconds for each of its `count`."""
    before = contender.cpu()
    found = contender.load.do(do, **order)
    return found, (contender.cpu() - before) / found["count"] * 1e6


def _latency(run: Run, contenders: list[Contender], p50: Row, p99: Row) -> None:
    for each in run.turns(contenders):
        run.note(f"a: {each.name}")
        found = each.load.do("singly", writes=run.sized(1_000, 20))
        p50.add(each.name, found["p50"])
        p99.add(each.name, found["p99"])


def _sustained(run: Run, contenders: list[Contender], rate: Row) -> None:
    for each in run.turns(contenders):
        run.note(f"b: {each.name}")
        found, _ = _measured(each, "sustained", seconds=run.sized(3, 1))
        rate.add(each.name, found["rate"])


def _paced(run: Run, contenders: list[Contender], cost: Row) -> None:
    for each in run.turns(contenders):
        run.note(f"h: {each.name}")
        _, microseconds = _measured(
            each, "paced", rate=run.sized(500, 100), seconds=run.sized(2, 1)
        )
        cost.add(each.name, microseconds)


def _unwatched(run: Run, contenders: list[Contender]) -> list[Row]:
    cost = Row("g", "server CPU per unwatched event", "µs", (Goal("≤", 0.5, _HUB),))
    harm = Row("g", "p99 during it ÷ p99 without", "×", (Goal("≤", 1.5),))
    written = Row("g", "the same, until mongod acknowledges", "×", ())
    bursts = Row("g", "p99 during bursts of 1 000 ÷ without", "×", ())
    writes = run.sized(10_000, 1_000)
    with contextlib.ExitStack() as stack:
        floor = stack.enter_context(run.contenders((_STREAM,), connected=0, cold=writes // 20))
        for each in run.turns(contenders):
            run.note(f"g: {each.name}")
            quiet = each.load.do("singly", writes=run.sized(1_000, 20))
            _, microseconds = _measured(each, "flood", writes=writes)
            cost.add(each.name, microseconds)
            for row, at_once in ((harm, 10), (bursts, 1_000)):
                found = each.load.do("during_flood", writes=writes, rate=5_000, at_once=at_once)
                row.add(each.name, found["p99"] / quiet["p99"])
                if row is harm:
                    written.add(each.name, found["acknowledged"] / quiet["acknowledged"])
        for each in run.turns(floor):
            before = each.cpu()
            found = each.load.do("flood", writes=writes)
            cost.add(each.name, (_quiet(each) - before) / found["count"] * 1e6)
    return [cost, harm, written, bursts]


def _quiet(contender: Contender) -> float:
    """The CPU time once it has nothing more to do."""
    seen = contender.cpu()
    while True:
        time.sleep(0.2)
        now = contender.cpu()
        if now - seen < 0.01:
            return now
        seen = now


def _frozen(run: Run, ours: Contender) -> list[Row]:
    written = Row("i", "the same, until mongod acknowledges", "×", ())
    row = Row("i", "p99 with 1 % frozen readers ÷ none", "×", (Goal("≤", 1.2),))
    load = ours.load
    pace = {"rate": run.sized(500, 100), "seconds": run.sized(3, 1)}
    load.do("paced", **pace)
    for number in range(run.rounds):
        run.note(f"i: round {number + 1}")
        free = load.do("paced", **pace)
        load.do("freeze", bucket=FROZEN)
        load.do("fill", writes=run.sized(400, 20))
        frozen = load.do("paced", **pace)
        load.do("thaw", bucket=FROZEN)
        row.add(OURS, frozen["p99"] / free["p99"])
        written.add(OURS, frozen["acknowledged"] / free["acknowledged"])
    return [row, written]
