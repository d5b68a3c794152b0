"""A replica set of three mongods on loopback, whose members can be stopped, killed and deposed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from sessionwire.store.binary import find_mongod
from sessionwire.store.mongod import HOST, SET_NAME, Mongod, accepts, command_line, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["Node", "ReplicaSet", "forgetful", "initiate", "running", "three_nodes"]

_SETTINGS = {
    "electionTimeoutMillis": 1_500,
    "heartbeatIntervalMillis": 300,
    "catchUpTimeoutMillis": 1_000,
}
_STARTED_WITHIN = 40.0
_ELECTED_WITHIN = 60.0
_HEALED_WITHIN = 60.0


@dataclass
class Node:
    """One mongod; it keeps its port and its data when it is started again."""

    directory: Path
    extra: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    oplog: int = 256
    door: int = 0
    """The port of the proxy that everybody else comes through, if there is one."""
    stopped: bool = False
    _process: Mongod | None = None

    @property
    def host(self) -> str:
        """By which the set and its clients know it."""
        return f"{HOST}:{self.door or self.port}"

    @property
    def uri(self) -> str:
        """For a client of this node alone, primary or not."""
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        program = find_mongod(None, os.environ)
        command = command_line(program, self.directory, self.port, self.extra)
        command[command.index("--oplogSize") + 1] = str(self.oplog)
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self._process = Mongod.launch(command, log=log.fileno(), environment=os.environ)

    async def listening(self) -> None:
        async with asyncio.timeout(_STARTED_WITHIN):
            while not accepts(self.port):  # noqa: ASYNC110 (mongod sets no event of ours)
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        """It stands still (SIGSTOP): its connections stay, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)
        self.stopped = True

    def go_on(self) -> None:
        if self.stopped:
            os.kill(self.pid, signal.SIGCONT)
            self.stopped = False

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGKILL)
        self.stopped = False
        while self._process.exit_code() is None:  # noqa: ASYNC110 (see Mongod)
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Without ceremony: a primary that is asked to end waits 15 seconds for its successor."""
        if self._process is not None and self._process.exit_code() is None:
            await self.kill()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
        async with AsyncMongoClient[dict[str, Any]](
            self.uri, serverSelectionTimeoutMS=3_000, socketTimeoutMS=5_000
        ) as client:
            yield client


@dataclass
class ReplicaSet:
    """Three nodes; one of them is primary, most of the time."""

    nodes: list[Node]

    @property
    def uri(self) -> str:
        hosts = ",".join(node.host for node in self.nodes)
        return f"mongodb://{hosts}/?replicaSet={SET_NAME}"

    async def primary(self, among: list[Node] | None = None) -> Node:
        """The one that is primary and does not stand still. Raises TimeoutError.

        Of a set in two parts, each of which may believe in its own, look `among` those of one.
        """
        async with asyncio.timeout(_ELECTED_WITHIN):
            while True:
                for node in among or self.nodes:
                    if not node.stopped and await _is_primary(node):
                        return node
                await asyncio.sleep(0.05)

    async def others(self) -> list[Node]:
        leader = await self.primary()
        return [node for node in self.nodes if node is not leader]

    @contextlib.asynccontextmanager
    async def not_replicating(self, nodes: list[Node]) -> AsyncIterator[None]:
        """These nodes are told nothing more while the block runs, not even what was on its way."""
        fail_point = {"configureFailPoint": "stopReplProducer"}
        try:
            for node in nodes:
                async with node.client() as client:
                    await client.admin.command({**fail_point, "mode": "alwaysOn"})
                    wait = {"waitForFailPoint": "stopReplProducer", "timesEntered": 1}
                    await client.admin.command({**wait, "maxTimeMS": 4_000})
            yield
        finally:
            for node in nodes:
                async with node.client() as client:
                    await client.admin.command({**fail_point, "mode": "off"})

    @contextlib.asynccontextmanager
    async def hanging_up(self, app: str, *commands: str) -> AsyncIterator[None]:
        """Every node closes the connection when this app sends such a command."""
        fail_point = {"configureFailPoint": "failCommand"}
        data = {"failCommands": [*commands], "appName": app, "closeConnection": True}
        try:
            for node in self.nodes:
                async with node.client() as client:
                    await client.admin.command({**fail_point, "mode": "alwaysOn", "data": data})
            yield
        finally:
            for node in self.nodes:
                async with node.client() as client:
                    await client.admin.command({**fail_point, "mode": "off"})

    async def step_down(self) -> None:
        """The primary makes way; another one is elected."""
        leader = await self.primary()
        async with leader.client() as client:
            with contextlib.suppress(PyMongoError):
                await client.admin.command({"replSetStepDown": 5, "force": True})

    async def heal(self) -> None:
        """All of them run and follow one primary, and a majority takes part."""
        for node in self.nodes:
            node.go_on()
            if not accepts(node.port):
                node.start()
                await node.listening()
        async with asyncio.timeout(_HEALED_WITHIN):
            while not await self._is_whole():  # noqa: ASYNC110 (mongod sets no event of ours)
                await asyncio.sleep(0.1)

    async def _is_whole(self) -> bool:
        leader = await self.primary()
        concern = {"w": 3, "wtimeout": 1_500}
        note = {"appendOplogNote": 1, "data": {"healed": True}, "writeConcern": concern}
        with contextlib.suppress(PyMongoError):
            async with leader.client() as client:
                await client.admin.command(note)
                status = await client.admin.command("replSetGetStatus")
                return sorted(each["state"] for each in status["members"]) == [1, 2, 2]
        return False


async def _is_primary(node: Node) -> bool:
    with contextlib.suppress(PyMongoError):
        async with node.client() as client:
            return bool((await client.admin.command("hello"))["isWritablePrimary"])
    return False


@contextlib.asynccontextmanager
async def running(directory: Path, *parameters: str) -> AsyncIterator[list[Node]]:
    """Three nodes with fail points and these parameters, which know nothing of each other yet."""
    given = ("enableTestCommands=1", *parameters)
    extra = tuple(word for each in given for word in ("--setParameter", each))
    nodes = [Node(directory / f"node{number}", extra) for number in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        for node in nodes:
            node.start()
            stack.push_async_callback(node.end)
        for node in nodes:
            await node.listening()
        yield nodes


async def initiate(replica_set: ReplicaSet) -> None:
    """Make its nodes a set that elects within about two seconds, and wait for the first one."""
    members = [{"_id": number, "host": node.host} for number, node in enumerate(replica_set.nodes)]
    config = {"_id": SET_NAME, "members": members, "settings": _SETTINGS}
    async with replica_set.nodes[0].client() as client:
        await client.admin.command("replSetInitiate", config)
    await replica_set.primary()


@contextlib.asynccontextmanager
async def three_nodes(directory: Path) -> AsyncIterator[ReplicaSet]:
    """A set with elections within about two seconds, and with fail points."""
    async with running(directory) as nodes:
        replica_set = ReplicaSet(nodes)
        await initiate(replica_set)
        yield replica_set


@contextlib.asynccontextmanager
async def forgetful(directory: Path) -> AsyncIterator[ReplicaSet]:
    """A set of one whose history is 2 MB, cut every second."""
    extra = ("--syncdelay", "1", "--setParameter", "enableTestCommands=1")
    node = Node(directory / "forgetful", extra, oplog=2)
    node.start()
    try:
        await node.listening()
        config = {"_id": SET_NAME, "members": [{"_id": 0, "host": node.host}]}
        async with node.client() as client:
            await client.admin.command("replSetInitiate", config)
        replica_set = ReplicaSet([node])
        await replica_set.primary()
        yield replica_set
    finally:
        await node.end()
