"""People come, stay, write, read and leave for as long as one likes: nothing grows (I28)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import httpx
from pymongo import AsyncMongoClient
from websockets.exceptions import ConnectionClosed

from chaos.faults import Backend, backend
from chaos.population import Population, crossed
from chaos.seeds import SOAK, dice
from chaos.site import SECRET, database
from chaos.witness import witness
from sessionwire.tasks import background

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo

VISITORS = 60
SAMPLES = 12
GROWN = 12 * 2**20
"""Bytes that the second half may add: what grows with each visit adds more in half an hour."""
QUERIES = ("session", "user", "organizations", "organization", "devices")


@dataclass(frozen=True)
class Sample:
    """What the server held at a moment, and what had happened until then."""

    seconds: float
    resident: int
    descriptors: int
    visits: int
    writes: int
    reads: int

    def __str__(self) -> str:
        seconds, resident, *counts = astuple(self)
        return f"{seconds:7.0f} {resident / 2**20:8.1f} " + " ".join(f"{n:9}" for n in counts)


class Town:
    """Everybody who uses the server."""

    def __init__(self, server: Backend, population: Population, throw: random.Random) -> None:
        self._server, self._population, self._throw = server, population, throw
        self._address = server.served.address
        self._began = time.monotonic()
        self.visits = self.reads = 0

    async def visit(self) -> None:
        """One visitor after the other, each as somebody else, for up to ten seconds."""
        while True:
            member = self._throw.choice(self._population.members)
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                async with (
                    asyncio.timeout(self._throw.uniform(0.2, 10)),
                    witness(self._address, cookie=member.cookie) as live,
                ):
                    for id, query in enumerate(self._throw.sample(QUERIES, 3)):
                        await live.subscribe(id, query)
                    await live.until_ended(within=60)
            self.visits += 1

    async def read(self) -> None:
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                member = self._throw.choice(self._population.members)
                url = f"{self._address}/api/auth/get-session"
                answer = await http.get(url, headers={"cookie": member.cookie})
                assert answer.status_code == 200
                assert not crossed(answer.text, member, alone=True)
                self.reads += 1
                await asyncio.sleep(0.02)

    async def write(self) -> None:
        while True:
            await self._population.write()
            await asyncio.sleep(0.02)

    def sample(self) -> Sample:
        server, seconds = self._server, time.monotonic() - self._began
        counts = (server.descriptors, self.visits, self._population.written, self.reads)
        return Sample(seconds, server.memory, *counts)


async def test_i28_a_long_day_leaves_nothing_behind(mongo: EmbeddedMongo, tmp_path: Path) -> None:
    throw = dice()
    limits = {"limits__connections_per_address": "5000"}
    async with (
        AsyncMongoClient[dict[str, Any]](mongo.uri) as client,
        database(mongo.uri) as (_, settings),
        backend(
            tmp_path / "data", mongodb_uri=mongo.uri, database=settings.database,
            secret=SECRET, **limits,
        ) as server,
    ):  # fmt: skip
        population = Population(client, settings, throw)
        await population.settle()
        town = Town(server, population, throw)
        samples: list[Sample] = []
        async with background(town.read(), town.write(), *(town.visit() for _ in range(VISITORS))):
            for _ in range(SAMPLES):
                await asyncio.sleep(SOAK / SAMPLES)
                samples.append(town.sample())
        print("seconds      MiB     files    visits    writes     reads", *samples, sep="\n")  # noqa: T201
        half, last = samples[SAMPLES // 2 - 1], samples[-1]
        assert last.resident - half.resident < GROWN
        assert last.descriptors < half.descriptors + VISITORS
        assert last.visits and last.reads and last.writes
        assert "Traceback" not in server.served.printed
        assert await server.served.end() == 0
