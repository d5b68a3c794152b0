"""Connections of every kind come and go, and nothing of them stays (I28)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import socket
import struct
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.seeds import dice, longer
from chaos.site import Site, site
from chaos.witness import witness
from sessionwire.policy.limits import Limits
from support.process import eventually
from support.raw import UPGRADE, request

if TYPE_CHECKING:
    import random

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person

QUERIES = ("session", "user", "organizations", "organization", "devices")
SPARE_BLOCKS = 1_000
"""The event loop alone keeps a hundred timers that were cancelled, now and then."""
SPARE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds; all of it has to come back to where it was."""

    tasks: int
    connections: int
    outboxes: int
    subscriptions: int
    descriptors: int
    admitted: int


def held(place: Site) -> Held:
    gc.collect()
    wire = place.server.wire
    hub, admission = wire.relay.hub, wire._live.admission  # type: ignore[union-attr]
    return Held(
        tasks=len(asyncio.all_tasks()),
        connections=len(wire._live),  # type: ignore[arg-type]
        outboxes=hub.connections,
        subscriptions=sum(len(each.subscriptions) for each in hub._watches.values()),
        descriptors=len(os.listdir("/proc/self/fd")),
        admitted=admission._total + len(admission._users) + len(admission._addresses),
    )


async def handshake(place: Site, person: Person) -> socket.socket:
    """A raw connection whose upgrade was sent."""
    loop = asyncio.get_running_loop()
    peer = socket.socket()
    peer.setblocking(False)
    await loop.sock_connect(peer, ("127.0.0.1", int(place.server.address.rpartition(":")[2])))
    fields = (*UPGRADE.items(), ("Origin", place.server.address), ("Cookie", person.cookie))
    await loop.sock_sendall(peer, request("/live", *fields))
    return peer


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


async def properly(place: Site, person: Person, throw: random.Random) -> None:
    async with witness(place.server.address, *QUERIES, cookie=person.cookie) as live:
        await live.until_shown(4)
        await live.send(op="unsubscribe", id=1)


async def by_a_reset(place: Site, person: Person, throw: random.Random) -> None:
    peer = await handshake(place, person)
    await asyncio.get_running_loop().sock_recv(peer, 1024)
    for id, query in enumerate(QUERIES):
        text = json.dumps({"op": "subscribe", "id": id, "query": query}).encode()
        peer.send(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
    await asyncio.sleep(throw.uniform(0, 0.02))
    reset(peer)


async def during_the_handshake(place: Site, person: Person, throw: random.Random) -> None:
    peer = await handshake(place, person)
    await asyncio.sleep(throw.uniform(0, 0.005))
    reset(peer)


async def before_the_handshake(place: Site, person: Person, throw: random.Random) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(place.server.address.rpartition(":")[2])
    )
    writer.write(b"GET /live HTTP/1.1\r\nHo")
    await asyncio.sleep(throw.uniform(0, 0.005))
    writer.transport.abort()


async def by_a_poll(place: Site, person: Person, throw: random.Random) -> None:
    async with place.server.http(headers={"cookie": person.cookie}, verify=False) as http:
        asked = {"subscriptions": [{"id": 1, "query": "user"}], "wait": 5}
        first = await http.post("/live/poll", json=asked)
        asked["subscriptions"] = [
            {"id": 1, "query": "user", "tag": first.json()["results"][0]["tag"]}
        ]
        with contextlib.suppress(TimeoutError):  # it leaves while it waits
            async with asyncio.timeout(throw.uniform(0, 0.02)):
                await http.post("/live/poll", json=asked)


async def refused(place: Site, person: Person, throw: random.Random) -> None:
    peer = await handshake(place, person)
    await asyncio.get_running_loop().sock_recv(peer, 1024)
    peer.send(b"\xc1\x82\0\0\0\0{}")
    await asyncio.sleep(throw.uniform(0, 0.01))
    peer.close()


KINDS = (properly, by_a_reset, during_the_handshake, before_the_handshake, by_a_poll, refused)


async def churn(
    place: Site, people: list[Person], times: int, throw: random.Random
) -> Counter[str]:
    done: Counter[str] = Counter()

    async def visitor() -> None:
        for _ in range(times // 10):
            kind = throw.choice(KINDS)
            await kind(place, throw.choice(people), throw)
            done[kind.__name__] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(visitor())
    return done


@dataclass(frozen=True, slots=True)
class Memory:
    """What is in use: resident bytes, and blocks of Python's allocator, which count objects."""

    resident: int
    blocks: int


def memory() -> Memory:
    """After the cycles are collected, and malloc has given back what it keeps for later.

    The clients here are in this process: their TLS contexts alone leave it 35 MiB of that.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return Memory(pages * os.sysconf("SC_PAGE_SIZE"), sys.getallocatedblocks())


async def test_i28_connections_of_every_kind_leave_nothing_behind(
    data: tuple[Store, Settings],
) -> None:
    """What is kept for good, or for a while, is kept after the first half; the second adds none.

    What a short run takes for chance, a few blocks for each connection, a long one does not.
    """
    throw, times = dice(), longer(500)
    async with site(*data, limits=Limits()) as place:
        people = [await place.person(f"P{n}") for n in range(20)]
        for person in people:
            await properly(place, person, throw)
        await churn(place, people, 60, throw)
        await _settle(place)
        before, begin = held(place), memory()
        done = await churn(place, people, times, throw)
        await _settle(place)
        half = memory()
        done += await churn(place, people, times, throw)
        await _settle(place)
        await eventually(lambda: _is_back(held(place), before), within=15)
        with contextlib.suppress(TimeoutError):  # what is late is said with its figures
            await eventually(lambda: memory().blocks - half.blocks < SPARE_BLOCKS, within=5)
        end = memory()
        mib = [(each.resident - begin.resident) / 2**20 for each in (half, end)]
        print(  # noqa: T201 (the figures of docs/reliability.md)
            f"{done.total()} connections {dict(done)}; {mib[0]:+.1f} MiB after half of them, "
            f"{mib[1]:+.1f} at the end; {half.blocks - begin.blocks:+} and "
            f"{end.blocks - half.blocks:+} blocks\n{before}\n{held(place)}"
        )
        assert len(done) == len(KINDS)
        assert end.blocks - half.blocks < SPARE_BLOCKS
        assert end.resident - half.resident < SPARE_BYTES


def _is_back(now: Held, before: Held) -> bool:
    """The driver's pools may have a connection more or less."""
    pools = Held(before.tasks + 3, 0, 0, 0, before.descriptors + 6, 0)
    return all(getattr(now, name) <= getattr(pools, name) for name in Held.__slots__)


async def _settle(place: Site) -> None:
    await eventually(lambda: not place.server.wire.relay.hub.connections, within=15)


async def test_i28_subscriptions_come_and_go_on_one_connection(place: Site) -> None:
    alice = await place.person()
    hub = place.server.wire.relay.hub
    async with witness(place.server.address, cookie=alice.cookie) as live:
        for turn in range(longer(8)):
            for id, query in enumerate(QUERIES):
                await live.subscribe(id + 5 * turn, query)
            for id in range(5):
                if turn % 2:
                    await live.until_shown(id + 5 * turn)
                await live.send(op="unsubscribe", id=id + 5 * turn)
            await asyncio.sleep(0.2)  # as many frames as one may send
        await live.send(op="ping")
        await live.until(lambda: live.frames[-1]["op"] == "pong")
        assert not any(frame["op"] == "error" for frame in live.frames)
        assert sum(len(each.subscriptions) for each in hub._watches.values()) == 1
    await _settle(place)
    assert sum(len(each.subscriptions) for each in hub._watches.values()) == 0
