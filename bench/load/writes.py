"""What is written to the database while somebody listens, and what reaches whom how soon."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo.write_concern import WriteConcern

from bench.people import COLD, FROZEN

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

    from bench.load.crowd import Crowd
    from bench.load.socket import Client

__all__ = ["Writes", "spread"]

_PATIENCE = 10.0
_LAG = 0.1
_WINDOW = 400
_WRITERS = 3


def spread(times: list[float]) -> dict[str, float]:
    """Percentiles, in milliseconds."""
    if not times:
        return {"p50": float("nan"), "p99": float("nan"), "max": float("nan")}
    ordered = sorted(times)
    return {
        "p50": statistics.median(ordered) * 1e3,
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3,
        "max": ordered[-1] * 1e3,
    }


class Writes:
    """Writes with numbers, and waits for the numbers to arrive at the right clients."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], crowd: Crowd) -> None:
        majority = WriteConcern("majority")
        self._users = database.get_collection("user", write_concern=majority)
        self._organizations = database.get_collection("organization", write_concern=majority)
        self._crowd = crowd
        self._numbers = itertools.count(1)
        self.wrong = 0

    # One at a time

    async def singly(self, writes: int, *, pause: float = 0.0) -> dict[str, Any]:
        """One write after the other, each awaited at its client."""
        times, acknowledged, after = [], [], []
        for _, client in zip(range(writes), itertools.cycle(self._readers()), strict=False):
            seq, arrival = self._expect(client)
            began = time.perf_counter()
            await self._write_one(client, seq)
            written = time.perf_counter()
            async with asyncio.timeout(_PATIENCE):
                arrived = await arrival
            times.append(arrived - began)
            acknowledged.append(written - began)
            after.append(arrived - written)
            await asyncio.sleep(pause)
        return {
            **spread(times),
            "acknowledged": spread(acknowledged)["p99"],
            "after": statistics.median(after) * 1e3,
            "wrong": self._judged(),
        }

    def _expect(self, client: Client) -> tuple[int, asyncio.Future[float]]:
        seq = next(self._numbers)
        arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def listen(who: Client, number: int, now: float) -> None:
            if number == seq and who is client and not arrival.done():
                arrival.set_result(now)
            elif who.person.bucket != FROZEN:
                self.wrong += 1

        self._crowd.listener = listen
        return seq, arrival

    async def _write_one(self, client: Client, seq: int) -> None:
        await self._users.update_one(
            {"_id": ObjectId(client.person.user_id)}, {"$set": {"image": f"seq:{seq:08d}"}}
        )

    def _readers(self) -> list[Client]:
        return [each for each in self._crowd.clients if each.person.bucket != FROZEN]

    def _judged(self) -> int:
        wrong, self.wrong = self.wrong, 0
        return wrong

    # At a pace

    async def paced(self, rate: float, seconds: float) -> dict[str, Any]:
        """Single writes at this rate, each to another person; all have to arrive."""
        times: list[float] = []
        acknowledged: list[float] = []
        sent: dict[int, tuple[Client, float]] = {}

        def listen(who: Client, number: int, now: float) -> None:
            client, began = sent.pop(number, (None, 0.0))
            if client is who:
                times.append(now - began)
            elif who.person.bucket != FROZEN:
                self.wrong += 1

        self._crowd.listener = listen
        readers = itertools.cycle(self._readers())
        began = time.perf_counter()
        count = int(rate * seconds)
        gate = asyncio.Semaphore(64)

        async def write(client: Client) -> None:
            seq = next(self._numbers)
            began = time.perf_counter()
            sent[seq] = (client, began)
            await self._write_one(client, seq)
            acknowledged.append(time.perf_counter() - began)
            gate.release()

        async with asyncio.timeout(seconds * 4 + _PATIENCE):
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    late = began + number / rate - time.perf_counter()
                    if late > 0:
                        await asyncio.sleep(late)
                    await gate.acquire()
                    group.create_task(write(next(readers)))
            while sent:  # noqa: ASYNC110 (they arrive one by one)
                await asyncio.sleep(0.005)
        took = time.perf_counter() - began
        return {
            **spread(times),
            "acknowledged": spread(acknowledged)["p99"],
            "count": count,
            "rate": count / took,
            "wrong": self._judged(),
        }

    # As fast as it keeps up

    async def sustained(self, seconds: float) -> dict[str, Any]:
        """Changes of whole buckets, as many at once as arrive within 100 ms.

        The window of what was written and has not arrived grows while the lag is below 100 ms, and
        shrinks when it is above; the rate is that of the second half.
        """
        members: dict[str, int] = {}
        for each in self._readers():
            members[each.person.bucket] = members.get(each.person.bucket, 0) + 1
        sent: dict[int, list[Any]] = {}
        pending: set[str] = set()
        arrivals: list[tuple[float, float]] = []
        state = {"outstanding": 0, "window": float(_WINDOW)}

        def listen(who: Client, number: int, now: float) -> None:
            entry = sent.get(number)
            if entry is None or entry[0] != who.person.bucket:
                if who.person.bucket != FROZEN:
                    self.wrong += 1
                return
            arrivals.append((now, now - entry[1]))
            entry[2] -= 1
            state["outstanding"] -= 1
            if not entry[2]:
                del sent[number]
                pending.discard(entry[0])

        self._crowd.listener = listen
        buckets = itertools.cycle(sorted(members.items()))
        began = time.perf_counter()
        ends = began + seconds

        async def write() -> None:
            while time.perf_counter() < ends:
                bucket, size = next(buckets)
                full = state["outstanding"] + size > state["window"]
                if full or bucket in pending:  # a second change might replace the first one
                    await asyncio.sleep(0.001)
                    continue
                seq = next(self._numbers)
                sent[seq] = [bucket, time.perf_counter(), size]
                pending.add(bucket)
                state["outstanding"] += size
                await self._users.update_many(
                    {"bucket": bucket}, {"$set": {"image": f"seq:{seq:08d}"}}
                )

        async def adjust() -> None:
            seen = 0
            while time.perf_counter() < ends:
                await asyncio.sleep(0.2)
                lags = [lag for _, lag in arrivals[seen:]]
                seen = len(arrivals)
                if lags:
                    factor = 1.25 if spread(lags)["p99"] < _LAG * 800 else 0.8
                    if spread(lags)["p99"] < _LAG * 1000 and factor < 1:
                        factor = 1.0
                    state["window"] = max(100.0, state["window"] * factor)

        async with asyncio.TaskGroup() as group:
            for _ in range(_WRITERS):
                group.create_task(write())
            group.create_task(adjust())
        async with asyncio.timeout(_PATIENCE):
            while sent:  # noqa: ASYNC110 (they arrive one by one)
                await asyncio.sleep(0.005)
        half = began + seconds / 2
        late = [(at, lag) for at, lag in arrivals if half <= at < ends]
        return {
            **spread([lag for _, lag in late]),
            "rate": len(late) / (seconds / 2),
            "count": len(arrivals),
            "window": state["window"],
            "wrong": self._judged(),
        }

    # Everybody

    async def rename(self) -> dict[str, Any]:
        """Rename the organization of everybody; seconds until the last one has it."""
        seq = next(self._numbers)
        everybody = {id(each) for each in self._crowd.clients}
        done = asyncio.Event()
        last = 0.0

        def listen(who: Client, number: int, now: float) -> None:
            nonlocal last
            if number != seq or id(who) not in everybody:
                self.wrong += 1
                return
            everybody.discard(id(who))
            last = now
            if not everybody:
                done.set()

        self._crowd.listener = listen
        organization = self._crowd.clients[0].person.organization_id
        began = time.perf_counter()
        await self._organizations.update_one(
            {"_id": ObjectId(organization)}, {"$set": {"name": f"seq:{seq:08d}"}}
        )
        async with asyncio.timeout(60):
            await done.wait()
        return {
            "seconds": last - began,
            "frames": len(self._crowd.clients),
            "wrong": self._judged(),
        }

    # Nobody

    async def flood(self, writes: int, *, rate: float = 0.0) -> dict[str, Any]:
        """So many changes of users whom nobody watches; afterwards one that somebody does."""
        began = time.perf_counter()
        done = await self._flood(writes, rate)
        if self._crowd.clients:
            await self.singly(1)
        return {"count": done, "seconds": time.perf_counter() - began}

    async def _flood(self, writes: int, rate: float, at_once: int = 1_000) -> int:
        cold = [each["_id"] async for each in self._users.find({"bucket": COLD}, {"_id": 1})]
        chunks = itertools.cycle(
            [cold[first : first + at_once] for first in range(0, len(cold), at_once)]
        )
        began, done = time.perf_counter(), 0
        while done < writes:
            if rate:
                await asyncio.sleep(max(0.0, began + done / rate - time.perf_counter()))
            seq, chunk = next(self._numbers), next(chunks)
            changed = await self._users.update_many(
                {"_id": {"$in": chunk}}, {"$set": {"image": f"seq:{seq:08d}"}}
            )
            assert changed.modified_count == len(chunk)
            done += len(chunk)
        return done

    async def during_flood(self, writes: int, *, rate: float, at_once: int) -> dict[str, Any]:
        """The latencies of `singly` while `flood` writes at this rate, so many with a command."""
        clients = list(self._crowd.clients)
        flood = asyncio.create_task(self._flood(writes, rate, at_once))
        times: list[float] = []
        acknowledged: list[float] = []
        for client in itertools.cycle(clients):
            if flood.done():
                break
            if client.person.bucket == FROZEN:
                continue
            seq, arrival = self._expect(client)
            began = time.perf_counter()
            await self._write_one(client, seq)
            acknowledged.append(time.perf_counter() - began)
            async with asyncio.timeout(_PATIENCE):
                times.append(await arrival - began)
        await flood
        return {
            **spread(times),
            "acknowledged": spread(acknowledged)["p99"],
            "count": len(times),
            "wrong": self._judged(),
        }

    async def fill(self, writes: int) -> dict[str, Any]:
        """Change those who do not read, until no buffer takes more."""
        self._crowd.listener = lambda *_: None
        for _ in range(writes):
            seq = next(self._numbers)
            await self._users.update_many({"bucket": FROZEN}, {"$set": {"image": f"seq:{seq:08d}"}})
        return {"writes": writes}
