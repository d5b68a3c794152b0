"""A replica set whose members can be cut off from each other, while clients reach all of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.proxy import Proxy
from chaos.replica_set import Node, ReplicaSet, initiate, running
from sessionwire.store.mongod import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

__all__ = ["PartedSet", "parted"]

_SILENCE = "oplogNetworkTimeoutBufferSeconds=1"
"""After so many seconds, instead of 5, a member that follows a silent one looks for another."""


class PartedSet(ReplicaSet):
    """Each member is known by a door in front of it, and whoever comes through it is recognised.

    What is cut is silent: nothing is closed, nothing is refused, and what was on its way arrives
    when the link is joined again.
    """

    def __init__(self, nodes: list[Node]) -> None:
        super().__init__(nodes)
        self._links = {
            (origin, target.port): Proxy(target.port)
            for target in nodes
            for origin in (None, *(node.port for node in nodes))
        }

    def link(self, origin: Node | None, target: Node) -> Proxy:
        """The connections to the target that this member opened, or, with None, clients."""
        return self._links[None if origin is None else origin.port, target.port]

    def silence(self, speaker: Node, listener: Node) -> None:
        """Nothing that the speaker says reaches the listener, whoever opened the connection."""
        self.link(speaker, listener).up.hold()
        self.link(listener, speaker).down.hold()

    def part(self, one: Node, other: Node) -> None:
        self.silence(one, other)
        self.silence(other, one)

    def isolate(self, node: Node) -> None:
        """Cut it off from all other members."""
        for other in self.nodes:
            if other is not node:
                self.part(node, other)

    def join(self) -> None:
        """Every member reaches every other one again."""
        for one, other in permutations(self.nodes, 2):
            self.link(one, other).release()

    async def heal(self) -> None:
        self.join()
        await super().heal()

    @contextlib.asynccontextmanager
    async def doors(self) -> AsyncIterator[None]:
        """They are open until the block ends."""
        async with contextlib.AsyncExitStack() as stack:
            for link in self._links.values():
                stack.push_async_callback(link.close)
            for node in self.nodes:
                admit = functools.partial(self._admit, node)
                server = await asyncio.start_server(admit, HOST, 0)
                stack.callback(server.close)
                node.door = server.sockets[0].getsockname()[1]
            yield

    async def _admit(
        self, node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        source: int = writer.get_extra_info("peername")[1]
        await self.link(_owner(source, node.door, self.nodes), node).serve(reader, writer)


def _owner(source: int, door: int, nodes: Iterable[Node]) -> Node | None:
    """The node that opened the connection from this port to the door; None: it was a client."""
    socket = _socket(source, door)
    return next((node for node in nodes if socket in _descriptors(node.pid)), None)


def _socket(source: int, door: int) -> str:
    """The socket at the source's end, as its process names it; see proc(5), net/tcp."""
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = row.split()
        ports = [int(address.partition(":")[2], 16) for address in fields[1:3]]
        if ports == [source, door]:
            return f"socket:[{fields[9]}]"
    return "it is gone"


def _descriptors(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(entry.readlink()))
    return found


@contextlib.asynccontextmanager
async def parted(directory: Path) -> AsyncIterator[PartedSet]:
    """A set of three with doors, which elects within about two seconds."""
    async with running(directory, _SILENCE) as nodes:
        replica_set = PartedSet(nodes)
        async with replica_set.doors():
            await initiate(replica_set)
            yield replica_set
