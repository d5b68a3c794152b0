"""Many clients of one server, how they come and go, and the numbers that reach them."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

from bench.load.socket import Client
from bench.load.wires import wire_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.people import Person

__all__ = ["Crowd"]

_AT_ONCE = 1_500
"""Who has no answer yet; the kernel keeps 2 048 for a server that is busy, and drops the rest."""
_ATTEMPTS = 10
_PER_ADDRESS = 20_000
_SMALL = 4 * 1024
_IP_BIND_ADDRESS_NO_PORT = 24
"""Of Linux; the socket module has it from Python 3.12 on."""


class Crowd:
    """All clients; `listener` is told which number reached which of them, and when."""

    def __init__(self, name: str, address: str, people: Sequence[Person]) -> None:
        self.clients: list[Client] = []
        self.listener: Callable[[Client, int, float], None] = _ignore
        self._people = people
        self._wire = wire_of(name, address)
        host, _, port = address.removeprefix("http://").rpartition(":")
        self._place = (host, int(port))
        self._waiting = 0
        self._all = asyncio.Event()
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def connect(self, count: int, *, within: float) -> float:
        """Let so many more come at once; seconds until each has its data. Raises TimeoutError."""
        began = time.perf_counter()
        self._waiting, self._all = count, asyncio.Event()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        first = len(self.clients)
        async with asyncio.timeout(within), asyncio.TaskGroup() as group:
            for index in range(first, first + count):
                await self._gate.acquire()
                group.create_task(self._come(index))
            await self._all.wait()
        return time.perf_counter() - began

    async def _come(self, index: int) -> None:
        person = self._people[index % len(self._people)]
        client = Client(index, person, self._wire, ready=self._ready, arrived=self._arrived)
        self.clients.append(client)
        for attempt in range(_ATTEMPTS):
            try:
                await self._reach(client, f"127.0.0.{2 + index // _PER_ADDRESS}")
                return
            except OSError:  # the kernel of a busy server refuses, as it would a browser
                await asyncio.sleep(0.1 * (attempt + 1))
        raise ConnectionError(f"no connection to {self._place}")

    async def _reach(self, client: Client, source: str) -> None:
        """The port is chosen as late as the connection is made, among those free for this server.

        Chosen before, it has to be free for every server: after some storms the kernel searches for
        a millisecond, and it is that which is measured.
        """
        loop = asyncio.get_running_loop()
        raw = socket.socket()
        try:
            raw.setblocking(False)
            raw.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            raw.bind((source, 0))
            await loop.sock_connect(raw, self._place)
            await loop.create_connection(lambda: client, sock=raw)
        except BaseException:
            raw.close()
            raise

    def _ready(self, _: Client) -> None:
        self._gate.release()
        self._waiting -= 1
        if not self._waiting:
            self._all.set()

    def _arrived(self, client: Client, seq: int, now: float) -> None:
        self.listener(client, seq, now)

    def judge(self) -> dict[str, Any]:
        """How many were not told who they are, and how many were lost."""
        return {
            "unchecked": sum(not each.checked for each in self.clients),
            "lost": sum(each.lost for each in self.clients),
        }

    def freeze(self, bucket: str) -> int:
        """Those of the bucket stop reading; how many they are."""
        frozen = [e for e in self.clients if e.person.bucket == bucket and not e.lost]
        for each in frozen:
            raw = each.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            each.transport.pause_reading()
        return len(frozen)

    async def thaw(self, bucket: str, *, within: float) -> None:
        """They read again; who was cut off meanwhile, as a server should, comes back."""
        frozen = [each for each in self.clients if each.person.bucket == bucket]
        for each in frozen:
            each.transport.abort()
            self.clients.remove(each)
        people, self._people = self._people, [each.person for each in frozen]
        try:
            await self.connect(len(frozen), within=within)
        finally:
            self._people = people

    async def leave(self) -> None:
        for each in self.clients:
            each.transport.abort()
        await asyncio.sleep(0.2)
        self.clients.clear()


def _ignore(client: Client, seq: int, now: float) -> None:
    """Nobody waits for a number."""
