"""The whole under random mixes of faults: exact, monotonic, isolated, bounded, and convergent (I1).

Everything runs for real: three mongods, two server processes, thirty-two clients of two hundred
people, and writers that know nothing of the servers. `scripts/chaos` runs it long.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from chaos.faults import Backend, Faults, backend
from chaos.judge import Judge
from chaos.population import Population, crossed
from chaos.seeds import SECONDS, dice
from chaos.site import SECRET, database
from chaos.tabs import Seen, Shown, Tab, Way
from sessionwire.tasks import background
from support.process import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.population import Member
    from chaos.replica_set import ReplicaSet

TABS = 32
CONVERGED_WITHIN = 5.0
JUDGED_WITHIN = 240.0
BOUNDS = {"max_staleness": "1.5", "unverifiable_after": "8", "read_deadline": "2"}
REGRESSIONS: dict[str, int] = {
    "an answer without its time": 1727655315,
    "a lock that nobody gave back": 1970346082,
}
"""Seeds that failed once, each under the name of what they found."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [None, *REGRESSIONS.values()], ids=["new", *REGRESSIONS])
async def test_i01_whatever_breaks_every_frame_is_exact_and_all_converge(
    trio: ReplicaSet, tmp_path: Path, seed: int | None
) -> None:
    throw = dice(seed)
    limits = {f"limits__{name}": value for name, value in BOUNDS.items()}
    async with (
        database(trio.uri) as (store, settings),
        AsyncMongoClient[dict[str, Any]](trio.uri, serverSelectionTimeoutMS=3_000) as client,
    ):
        population = Population(client, settings, random.Random(throw.random()))
        await population.settle()
        given = {"mongodb_uri": trio.uri, "database": settings.database, "secret": SECRET}
        async with (
            backend(tmp_path / "one" / "data", **given, **limits) as one,
            backend(tmp_path / "two" / "data", **given, **limits) as two,
        ):
            checker = Checker(trio, [one, two], population, Judge(store), throw)
            await checker.run(SECONDS)


class Checker:
    """One run: faults for a while, then none, then everybody is looked at."""

    def __init__(
        self,
        trio: ReplicaSet,
        backends: list[Backend],
        population: Population,
        judge: Judge,
        throw: random.Random,
    ) -> None:
        self._backends = backends
        self._trio = trio
        self._population = population
        self._judge = judge
        self._faults = Faults(trio, backends, population, random.Random(throw.random()))
        self._settling, self._quiet = asyncio.Event(), asyncio.Event()
        self._reads = self._read_wrong = 0
        ways = [Way(each.served.address, each.door.port) for each in backends]
        self._tabs = [
            Tab(ways, population, random.Random(throw.random()), judge.take, self._settling)
            for _ in range(TABS)
        ]

    async def run(self, seconds: float) -> None:
        async with background(
            self._judge.run(), self._read_http(), *(tab.run() for tab in self._tabs)
        ):
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._write())
                group.create_task(self._faults.of_the_database(self._quiet))
                group.create_task(self._faults.of_servers_and_links(self._quiet))
                await asyncio.sleep(seconds)
                self._quiet.set()
                await asyncio.sleep(0)
                writing.cancel()
            await self._trio.heal()
            self._settling.set()
            took = await self._converge()
            await asyncio.wait_for(self._judge.done(), JUDGED_WITHIN)
            self._report(took)
        await self._bounded()

    async def _write(self) -> None:
        while True:
            await self._population.write()
            pause = 0.02 if self._judge.waiting < 50 else 0.3
            await asyncio.sleep(pause)

    async def _converge(self) -> float:
        """P4: five seconds after everything works again, everybody shows the latest."""
        began = time.monotonic()
        while True:
            took = time.monotonic() - began  # before looking, which takes its own time
            late = [tab for tab in self._tabs if await self._judge.agrees(tab)]
            if not late:
                return took
            if took > CONVERGED_WITHIN:
                raise AssertionError(f"P4: {[await self._judge.agrees(tab) for tab in late]}")
            await asyncio.sleep(0.05)

    async def _read_http(self) -> None:
        """HTTP answers are exact; nobody sees a stranger, or is signed out by a fault (P7, P8).

        A few ask in the same words again and again; some ask of an organization, and a refusal,
        which says no version, is only looked at for strangers.
        """
        throw = random.Random(1)
        async with httpx.AsyncClient(timeout=8) as http:
            while True:
                everybody = self._population.members
                member = throw.choice(everybody[: throw.choice((6, len(everybody)))])
                each = throw.choice(self._backends)
                url = f"http://127.0.0.1:{each.door.port}/api/auth/get-session"
                headers, args = {"cookie": member.cookie}, {}
                if throw.random() < 0.3:
                    there = str(throw.choice(self._population.organizations[member.family]))
                    headers["sessionwire-organization"] = args["organization"] = there
                try:
                    answer = await http.get(url, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code in (200, 403 if args else 200, 503), answer.text
                assert not crossed(answer.text, member, alone=True), answer.text
                if answer.status_code == 200 and answer.json() is None:
                    assert member.session_id in self._population.revoked, "P7: signed out"
                if answer.status_code == 200:
                    self._judge.take(_seen(answer, member, args))
                self._reads += 1
                await asyncio.sleep(0.03)

    async def _bounded(self) -> None:
        """P9: without clients, servers hold no connections, and have not grown."""
        for each in self._backends:
            await eventually(lambda each=each: each.descriptors < 80, within=15)  # type: ignore[misc]
            assert each.memory < 400 * 2**20, f"{each.memory / 2**20:.0f} MiB"
            printed = each.logs + each.served.printed
            before, found, after = printed.partition("Traceback")
            assert not found, f"{before[-1_000:]}{found}{after[:6_000]}"
            assert "ERROR" not in printed.replace("ending all sessions' sockets", "").replace(
                "ERROR sessionwire.relay MongoDB silent", ""
            ), [line for line in printed.splitlines() if "ERROR" in line][:20]

    @property
    def _printed(self) -> str:
        """By both servers, since the first start."""
        return "".join(each.logs + each.served.printed for each in self._backends)

    def _report(self, took: float) -> None:
        tabs, judge = self._tabs, self._judge
        byes: dict[str, int] = {}
        for tab in tabs:
            for reason, count in tab.byes.items():
                byes[reason] = byes.get(reason, 0) + count
        print(  # noqa: T201 (the figures of docs/reliability.md)
            f"{sum(tab.frames for tab in tabs)} frames on "
            f"{sum(tab.connections for tab in tabs)} connections, {judge.frames} compared, "
            f"{judge.checked} results exact, {judge.unchecked} no longer comparable, "
            f"{sum(tab.resumed for tab in tabs)} resumed; {self._reads} HTTP reads; "
            f"{self._population.written} writes; {len(self._population.revoked)} revoked; "
            f"byes {byes}; converged in {took:.2f} s; "
            f"{self._faults.injected.total()} faults {dict(self._faults.injected)}; "
            f"{self._printed.count('BSONObj size')} events too large to be told"
        )
        assert judge.frames > 20 and self._reads > 20 and self._population.written > 20


def _seen(answer: httpx.Response, member: Member, args: dict[str, Any]) -> Seen:
    """An HTTP answer as a frame would say it: without the handle, which the wire leaves out."""
    data = answer.json()
    if data is not None:
        del data["session"]["token"]
    shown = Shown("session", args, json.dumps(data, sort_keys=True))
    return Seen(member.viewer, answer.headers["sessionwire-version"], (shown,))
