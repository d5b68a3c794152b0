"""A feed that runs while a test writes, and remembers everything that it said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionwire.reactive.change import Change, Delete, Dropped, Group, Put, Update
from sessionwire.store.feed import Advanced, Feed, Item, Lost, Opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sessionwire.model import Version
    from sessionwire.store.mongo import Store

__all__ = ["Follower", "failing", "following", "ids_of", "stopped"]


@dataclass
class Follower:
    """What one feed said so far."""

    feed: Feed
    items: list[Item] = field(default_factory=list)
    _spoke: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def groups(self) -> list[Group]:
        """All of them, those that were said twice too."""
        return [group for item in self.items if isinstance(item, Advanced) for group in item.groups]

    @property
    def changes(self) -> list[Change]:
        return [change for group in self.groups for change in group.changes]

    @property
    def seen(self) -> dict[Version, Group]:
        """The groups as a replica takes them: a version that it has passed does nothing."""
        first: dict[Version, Group] = {}
        reached = 0
        for group in self.groups:
            if group.version > reached:
                first[group.version] = group
                reached = group.version
        return first

    @property
    def position(self) -> int:
        """Everything up to here was told. An opening that resumes says only where the end is."""
        reached = 0
        for item in self.items:
            if isinstance(item, Advanced) or (isinstance(item, Opened) and not item.resumed):
                reached = max(reached, item.version or 0)
        return reached

    @property
    def openings(self) -> list[Opened]:
        return [item for item in self.items if isinstance(item, Opened)]

    @property
    def losses(self) -> list[Lost]:
        return [item for item in self.items if isinstance(item, Lost)]

    async def read(self) -> None:
        """Follow until cancelled."""
        async with contextlib.aclosing(self.feed.items()) as items:
            async for item in items:
                async with self._spoke:
                    self.items.append(item)
                    self._spoke.notify_all()

    async def until(self, condition: Callable[[], bool], *, within: float = 15.0) -> None:
        """Wait until what was said fulfils the condition."""
        async with asyncio.timeout(within), self._spoke:
            await self._spoke.wait_for(condition)

    async def until_reached(self, version: int, *, within: float = 15.0) -> None:
        await self.until(lambda: self.position >= version, within=within)


@contextlib.asynccontextmanager
async def following(store: Store, *collections: str) -> AsyncIterator[Follower]:
    """A feed of these collections, open from here to the end of the block."""
    follower = Follower(Feed(store, collections))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(follower.read())
        await follower.until(lambda: bool(follower.openings))
        yield follower
        task.cancel()


def ids_of(changes: list[Change]) -> list[Any]:
    """The `_id` of every changed document, in order; of a Dropped its collection."""
    found: list[Any] = []
    for change in changes:
        match change:
            case Put() | Update() | Delete():
                found.append(change.key.id)
            case Dropped():
                found.append(change.collection)
    return found


@contextlib.asynccontextmanager
async def failing(admin: Any, command: str, *, times: int, **how: Any) -> AsyncIterator[None]:
    """So many commands of the stream's client fail, as MongoDB's fail point `failCommand` can."""
    data = {"failCommands": [command], "appName": "sessionwire-stream", **how}
    fail_point = {"configureFailPoint": "failCommand"}
    await admin.command({**fail_point, "mode": {"times": times}, "data": data})
    try:
        yield
    finally:
        await admin.command({**fail_point, "mode": "off"})


def _stands_still(pid: int) -> bool:
    threads = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(each.rpartition(")")[2].split()[0] == "T" for each in threads)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process stands still while the block runs (SIGSTOP), and goes on after it.

    On a busy machine its threads take their time to notice: the block begins when all have.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 10
        while not _stands_still(pid):
            assert time.monotonic() < deadline, "it goes on"
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
