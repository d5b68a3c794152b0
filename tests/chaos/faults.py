"""Everything that is done to mongods, servers and links while the model checker looks on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError

from chaos.proxy import Proxy, proxying
from support.process import Served, eventually, launch

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from chaos.population import Population
    from chaos.replica_set import ReplicaSet

__all__ = ["Backend", "Faults", "backend"]

_READY = " is ready at "


@dataclass
class Backend:
    """A server process that is brought back on its port, behind a proxy."""

    directory: Path
    settings: dict[str, str]
    served: Served
    door: Proxy
    port: int
    logs: str = ""
    refused: int = 0
    """Starts that were given up for want of a primary."""

    @property
    def pid(self) -> int:
        return self.served.process.pid

    @property
    def memory(self) -> int:
        """Resident bytes."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    async def kill(self) -> None:
        """SIGKILL, and start it again."""
        self.served.process.kill()
        self.served.process.wait()
        await self._again()

    async def restart(self) -> None:
        """SIGTERM, and start it again."""
        try:
            code = await self.served.end()
        except TimeoutError:
            raise AssertionError(f"it does not end:\n{self.served.printed[-8_000:]}") from None
        assert code == 0, f"it ended with {code}:\n{self.served.printed[-8_000:]}"
        await self._again()

    async def _again(self) -> None:
        """As a supervisor does: once more, when it refuses to start because there is no primary."""
        async with asyncio.timeout(90):
            while True:
                self.logs += self.served.printed
                self.served = launch(self.directory, "--port", str(self.port), **self.settings)
                if await _announced(self.served):
                    return
                assert "sessionwire cannot start" in self.served.printed, self.served.printed
                self.refused += 1


async def _announced(served: Served) -> bool:
    """Whether it serves; False when it has ended."""
    await eventually(
        lambda: _READY in served.printed or served.process.poll() is not None, within=60
    )
    if served.process.poll() is not None:
        return False
    served.address = served.printed.partition(_READY)[2].split()[0]
    return True


@contextlib.asynccontextmanager
async def backend(directory: Path, **settings: str) -> AsyncIterator[Backend]:
    """A server and its proxy; whatever process it then is, it ends with the block."""
    served = launch(directory, **settings)
    running: Backend | None = None
    try:
        assert await _announced(served), served.printed
        async with proxying(served.port) as door:
            running = Backend(directory, settings, served, door, served.port)
            yield running
    finally:
        last = served if running is None else running.served
        with contextlib.suppress(ProcessLookupError):
            os.kill(last.process.pid, signal.SIGCONT)
        last.process.kill()
        last.process.wait()


@dataclass
class Faults:
    """Throws dice for what happens next; each fault ends what it began."""

    trio: ReplicaSet
    backends: list[Backend]
    population: Population
    dice: random.Random
    injected: Counter[str] = field(default_factory=Counter)

    async def of_the_database(self, until: asyncio.Event) -> None:
        often = [
            self._step_down, self._freeze_primary, self._freeze_others, self._fail, self._fail,
            self._kill_cursors, self._kill_primary,
        ]  # fmt: skip
        await self._play(until, [*often, *often, self._overflow])

    async def of_servers_and_links(self, until: asyncio.Event) -> None:
        await self._play(
            until,
            [self._cut, self._hold, self._delay, self._half_close, self._refuse, self._trickle,
             self._freeze_server, self._kill_server, self._restart_server],
        )  # fmt: skip

    async def _play(
        self, until: asyncio.Event, faults: list[Callable[[], Awaitable[None]]]
    ) -> None:
        while not until.is_set():
            fault = self.dice.choice(faults)
            self.injected[fault.__name__.strip("_")] += 1
            await fault()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.dice.uniform(0.1, 1.5)):
                    await until.wait()

    def _some_time(self, longest: float = 3.5) -> Awaitable[None]:
        return asyncio.sleep(self.dice.uniform(0.2, longest))

    # The database

    async def _step_down(self) -> None:
        await self.trio.step_down()
        await self.trio.primary()

    async def _freeze_primary(self) -> None:
        """Longer than an election takes: it comes back as one that was replaced."""
        node = await self.trio.primary()
        node.stop()
        await self._some_time()
        node.go_on()
        await self.trio.primary()

    async def _freeze_others(self) -> None:
        """No majority: what is written now may be rolled back."""
        others = await self.trio.others()
        for node in others:
            node.stop()
        await self._some_time(2.5)
        for node in others:
            node.go_on()
        await self.trio.primary()

    async def _kill_primary(self) -> None:
        node = await self.trio.primary()
        await node.kill()
        await self._some_time(1.0)
        node.start()
        await node.listening()
        await self.trio.primary()

    async def _fail(self) -> None:
        """Some commands of the servers' streams and stores fail."""
        dice = self.dice
        how: dict[str, Any] = dice.choice(
            [
                {"closeConnection": True},
                {"errorCode": 43},
                {"errorCode": 91, "errorLabels": ["RetryableWriteError"]},
                {"errorCode": 262, "errorLabels": ["ResumableChangeStreamError"]},
                {"blockConnection": True, "blockTimeMS": dice.randrange(100, 2_000)},
            ]
        )
        data = {
            "failCommands": dice.choice([["getMore"], ["aggregate", "getMore"], ["find"]]),
            "appName": dice.choice(["sessionwire-stream", "sessionwire-stream", "sessionwire"]),
            **how,
        }
        command = {"configureFailPoint": "failCommand", "mode": {"times": dice.randrange(1, 6)}}
        await self._tell({**command, "data": data})
        await self._some_time(1.5)
        await self._tell({"configureFailPoint": "failCommand", "mode": "off"})

    async def _kill_cursors(self) -> None:
        node = await self.trio.primary()
        with contextlib.suppress(PyMongoError):
            async with node.client() as client:
                current = {"$currentOp": {"idleCursors": True, "allUsers": True}}
                async for each in await client.admin.aggregate([current]):
                    if each.get("appName") == "sessionwire-stream" and "cursor" in each:
                        kill = {
                            "killCursors": "$cmd.aggregate",
                            "cursors": [each["cursor"]["cursorId"]],
                        }
                        await client[each["ns"].partition(".")[0]].command(kill)

    async def _overflow(self) -> None:
        await self.population.overflow()

    async def _tell(self, command: dict[str, Any]) -> None:
        for node in self.trio.nodes:
            with contextlib.suppress(PyMongoError):
                async with node.client() as client:
                    await client.admin.command(command)

    # Servers and links

    @property
    def _one(self) -> Backend:
        return self.dice.choice(self.backends)

    async def _cut(self) -> None:
        self._one.door.cut()

    async def _half_close(self) -> None:
        self._one.door.half_close()

    async def _hold(self) -> None:
        door = self._one.door
        door.hold()
        await self._some_time(5.0)
        door.release()

    async def _delay(self) -> None:
        door = self._one.door
        door.down.delay, door.up.delay = self.dice.uniform(0, 0.2), self.dice.uniform(0, 0.2)
        await self._some_time()
        door.down.delay = door.up.delay = 0.0

    async def _trickle(self) -> None:
        door = self._one.door
        door.down.rate = self.dice.randrange(100, 4_000)
        await self._some_time()
        door.down.rate = None

    async def _refuse(self) -> None:
        door = self._one.door
        door.refuse()
        door.cut()
        await self._some_time(1.5)
        await door.listen()

    async def _freeze_server(self) -> None:
        pid = self._one.pid
        os.kill(pid, signal.SIGSTOP)
        await self._some_time()
        os.kill(pid, signal.SIGCONT)

    async def _kill_server(self) -> None:
        await self._one.kill()

    async def _restart_server(self) -> None:
        await self._one.restart()
