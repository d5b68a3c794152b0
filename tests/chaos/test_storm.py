"""Everybody loses the server at once, and comes back at once (I21)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pymongo import AsyncMongoClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from chaos.faults import backend
from chaos.population import Population
from chaos.seeds import SOCKETS, dice, on_demand
from chaos.site import SECRET, database
from support.server import PASSWORD

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo

CURRENT_WITHIN = 10.0 + SOCKETS / 100
SIGNED_IN_WITHIN = 5.0 + SOCKETS / 500
READS_PER_SOCKET = 2.0
_FAULTS = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError, EOFError)


_SIGN_IN = """
import sys, time, httpx
address, email, password = sys.argv[1:]
began = time.monotonic()
url, body = f"{address}/api/auth/sign-in/email", {"email": email, "password": password}
httpx.post(url, json=body, headers={"origin": address}, timeout=60).raise_for_status()
print(time.monotonic() - began)
"""


class Returner:
    """A client that comes back whenever it is cut, after a random pause up to `spread` seconds."""

    def __init__(self, address: str, cookie: str, throw: random.Random, spread: float) -> None:
        self.version = "0" * 16
        self.connected_at = 0.0
        self._address, self._cookie = address, cookie
        self._throw, self._spread = throw, spread

    async def run(self) -> None:
        while True:
            with contextlib.suppress(*_FAULTS):
                await self._once()
            self.connected_at = 0.0
            await asyncio.sleep(self._throw.uniform(0, self._spread))

    async def _once(self) -> None:
        async with connect(
            self._address.replace("http", "ws") + "/live",
            origin=self._address,  # type: ignore[arg-type]
            additional_headers={"Cookie": self._cookie},
            proxy=None, ping_interval=None, open_timeout=20, close_timeout=0.1,
        ) as connection:  # fmt: skip
            ask = {"op": "subscribe", "id": 1, "query": "session", "since": self.version}
            await connection.send(json.dumps(ask))
            async for text in connection:
                frame = json.loads(text)
                if frame["op"] == "update":
                    assert frame["version"] >= self.version, "P3"
                    assert frame["results"][0]["data"] is not None, "P7: signed out by a restart"
                    self.version = frame["version"]
                    self.connected_at = self.connected_at or time.monotonic()


async def _reads(client: AsyncMongoClient[dict[str, Any]]) -> int:
    status = await client.admin.command("serverStatus")
    return int(status["opcounters"]["query"])


@pytest.mark.parametrize("spread", [0.3, pytest.param(5.0, marks=on_demand)])
async def test_i21_a_killed_server_has_everybody_back_and_current(
    mongo: EmbeddedMongo, tmp_path: Path, spread: float
) -> None:
    throw = dice()
    limits = {"limits__connections_per_address": "50000", "limits__connections_per_user": "1000"}
    async with (
        AsyncMongoClient[dict[str, Any]](mongo.uri) as client,
        database(mongo.uri) as (store, settings),
        backend(
            tmp_path / "data", mongodb_uri=mongo.uri, database=settings.database,
            secret=SECRET, **limits,
        ) as server,
    ):  # fmt: skip
        people = Population(client, settings, throw)
        await people.settle()
        address = server.served.address
        await _sign_up(address)
        members = [people.members[n % len(people.members)] for n in range(SOCKETS)]
        clients = [Returner(address, each.cookie, throw, spread) for each in members]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each.run()) for each in clients]
            await _all_current(clients, since=0.0, within=CURRENT_WITHIN * 2)
            before = await _reads(client)
            await server.kill()
            back = time.monotonic()
            signed_in = await _sign_in(address)
            await _all_current(clients, since=back, within=CURRENT_WITHIN)
            took = time.monotonic() - back
            reads = await _reads(client) - before
            newest = await store.ping()
            for task in running:
                task.cancel()
        assert newest > 0
        assert signed_in < SIGNED_IN_WITHIN
        print(  # noqa: T201 (the figures of docs/reliability.md)
            f"{SOCKETS} sockets of {len(people.members)} users current {took:.1f} s after the "
            f"restart; {reads} database reads; a sign-in meanwhile took {signed_in:.2f} s; "
            f"{server.memory / 2**20:.0f} MiB"
        )
        assert reads < SOCKETS * READS_PER_SOCKET + 100, reads


async def _all_current(clients: list[Returner], *, since: float, within: float) -> None:
    async with asyncio.timeout(within):
        while any(each.connected_at <= since for each in clients):  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.05)


async def _sign_up(address: str) -> None:
    await _post(address, "sign-up/email", name="Late", email="late@example.com", password=PASSWORD)


async def _sign_in(address: str) -> float:
    """Seconds that a sign-in takes in the middle of it all, as another process sees it."""
    given = [address, "late@example.com", PASSWORD]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SIGN_IN, *given, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return float(printed)


async def _post(address: str, path: str, **body: str) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        answer = await http.post(f"/api/auth/{path}", json=body, headers={"origin": address})
        assert answer.status_code == 200, answer.text
