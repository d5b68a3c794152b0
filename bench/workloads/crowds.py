"""c, d, e: one change for everybody, everybody at once, and everybody idle."""

from __future__ import annotations

import contextlib
import secrets
import statistics
import time
from typing import TYPE_CHECKING

from bench.contenders import OURS, contending, starting
from bench.database import commands
from bench.people import add_people
from bench.table import Goal, Row

if TYPE_CHECKING:
    from bench.contenders import Contender
    from bench.workloads.run import Run

__all__ = ["fan_out", "idle", "storm"]

_HUB, _IO = "node-hub", "socket.io"
_FLOOR = "floor: raw writer"
_RENAMES = 3
_GOAL = (Goal("≤", 0.8, _HUB),)


def fan_out(run: Run) -> list[Row]:
    """c: the organization of everybody is renamed."""
    if not run.wants("c"):
        return []
    size = run.sized(5_000, 100)
    last = Row("c", "rename → last of the members has it", "ms", _GOAL)
    cost = Row("c", "server CPU per delivered frame", "µs", _GOAL)
    for names in ((OURS, _HUB), (_IO,)):
        with run.contenders(names, connected=size, count=size, organizations=1) as contenders:
            for each in run.turns(contenders):
                run.note(f"c: {each.name}")
                before = each.cpu()
                found = [each.load.do("rename") for _ in range(_RENAMES)]
                last.add(each.name, statistics.median(one["seconds"] for one in found) * 1e3)
                cost.add(each.name, (each.cpu() - before) / (size * _RENAMES) * 1e6)
    with run.contenders((_FLOOR,), connected=size, count=size) as floors:
        for each in run.turns(floors):
            _floor(each, size, last, cost)
    return [last, cost]


def _floor(floor: Contender, size: int, last: Row, cost: Row) -> None:
    """The same bytes by a bare writer: what sending and receiving alone cost."""
    before = floor.cpu()
    found = floor.load.do("say", text="go 1", frames=size)
    last.add(floor.name, found["seconds"] * 1e3)
    cost.add(floor.name, (floor.cpu() - before) / size * 1e6)


def storm(run: Run) -> list[Row]:
    """d: everybody comes at once to a server that has just started."""
    if not run.wants("d"):
        return []
    size = run.sized(5_000, 100)
    whole = Row("d", "all have their session", "s", (Goal("≤", 0.7, _HUB),))
    reads = Row("d", "database reads per client", "", (Goal("≤", 1 / 50),))
    cost = Row("d", "server CPU per client", "µs", ())
    database, secret = f"bench_{secrets.token_hex(4)}", secrets.token_urlsafe(48)
    people = add_people(
        run.client[database],
        secret,
        count=size,
        cold=0,
        organizations=max(1, size // 10),
        buckets=1,
        frozen=0,
    )
    names = [name for name in (OURS, _HUB) if run.can(name)]
    for number in range(run.rounds):
        for name in names[number % 2 :] + names[: number % 2]:
            run.note(f"d: {name}")
            with starting(name, run.uri, database, secret, people) as each:
                before, spent = commands(run.client), each.cpu()
                found = each.load.do("connect", count=size, within=120)
                read, used = commands(run.client) - before, each.cpu() - spent
            whole.add(name, found["seconds"])
            reads.add(name, read / size)
            cost.add(name, used / size * 1e6)
    run.client.drop_database(database)
    return [whole, reads, cost]


def idle(run: Run) -> list[Row]:
    """e: what so many sockets take, all in all; one contender at a time.

    They come in steps. What a single step adds says little: a heap grows in leaps, and that of a
    collector shrinks again.
    """
    if not run.wants("e"):
        return []
    step = run.sized(2_000, 100)
    size = step * run.rounds
    row = Row("e", "resident memory per socket", "KiB", (Goal("≤", 1.0, _HUB), Goal("≤", 20.0)))
    for name in filter(run.can, (OURS, _HUB, _IO)):
        run.note(f"e: {name}")
        with contextlib.ExitStack() as stack:
            people = {"count": size + 100, "organizations": max(1, size // 10)}
            each = stack.enter_context(contending(run.client, run.uri, name, **people))
            each.load.do("connect", count=100, within=60)
            time.sleep(1)
            before = each.resident()
            for _ in range(run.rounds):
                each.load.do("connect", count=step, within=120)
                time.sleep(run.sized(1, 0))
            row.add(name, (each.resident() - before) / size / 1024)
    return [row]
