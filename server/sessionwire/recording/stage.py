"""A database in memory in MongoDB's place: what a relay follows, loads from, and reads.

It is the copy that moves; the hub and the relay in front of it are those of any server.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from sessionwire.errors import Unavailable
from sessionwire.model import NEVER, Document, Version
from sessionwire.reactive.change import Dropped, Group
from sessionwire.recording.copy import Copy
from sessionwire.recording.excerpt import FIELDS
from sessionwire.recording.selection import selected
from sessionwire.store.feed import Advanced, Item, Opened
from sessionwire.store.mongo import Store, Writing

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from sessionwire.reactive.change import Change, Key
    from sessionwire.reactive.replica import Load
    from sessionwire.relay import Relay

__all__ = ["READ_ONLY", "Stage", "StageFeed", "StageLoader", "StageStore", "refuse_writes"]

READ_ONLY = "READ_ONLY"
"""The code of what would write to sessions that are only played."""
_SIGN_OF_LIFE = 0.5
_PATIENCE = 10.0


class Stage:
    """Holds the copy, and moves it and the relay in one step, so that both are of one version.

    `commit` may be called from any thread. Before the relay runs only the copy moves.
    """

    def __init__(self, version: Version = NEVER) -> None:
        now = Version(int(datetime.now(UTC).timestamp()) << 32)
        self.copy = Copy(version or now)
        self.silent = False
        """Whether the change stream says nothing, as if MongoDB could not be reached."""
        self._relay: Relay | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def shown_by(self, relay: Relay) -> Iterator[None]:
        """The relay follows the stage while the block runs, in the loop that runs now."""
        self._relay, self._loop = relay, asyncio.get_running_loop()
        try:
            yield
        finally:
            self._relay = self._loop = None

    @property
    def relay(self) -> Relay | None:
        """The one that follows it, if any does."""
        return self._relay

    def commit(
        self, *changes: Change, version: Version | None = None, wall: datetime | None = None
    ) -> Version:
        """Make the changes true together; when it returns, everything that is served shows them.

        Raises ValueError for a version that is not newer, or an update that does not fit.
        """
        moment = Version(self.copy.version + 1) if version is None else version
        group = Group(moment, changes, wall or datetime.now(UTC))
        self.within(lambda: self._apply(group))
        return moment

    def begin_anew(self, documents: Iterable[tuple[str, Document]], version: Version) -> None:
        """Everything that was there is gone, and these are there, as of the version."""

        def replace() -> None:
            later = max(version, Version(self.copy.version + 1))
            fresh = Copy(Version(later - 1))
            for collection, document in documents:
                fresh.put(collection, document)
            self.copy = fresh
            self._apply(Group(later, (), datetime.now(UTC)), gone=True)

        self.within(replace)

    def _apply(self, group: Group, *, gone: bool = False) -> None:
        self.copy.apply(group)
        if self._relay is not None:
            shown = Group(group.version, (Dropped(None),), group.wall) if gone else group
            self._relay.take(Advanced((shown,), group.version))

    def within(self, step: Callable[[], None]) -> None:
        """Do it in the relay's own loop, from whichever thread."""
        loop = self._loop
        if loop is None or _running() is loop:
            step()
            return

        async def run() -> None:
            step()

        asyncio.run_coroutine_threadsafe(run(), loop).result(_PATIENCE)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class StageFeed:
    """Opens at the stage's version, and then only says that it is alive: `commit` moves the relay
    itself, so that a test sees at once what it did."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._watched = frozenset(FIELDS)

    @property
    def watched(self) -> frozenset[str]:
        return self._watched

    def follow(self, collections: Iterable[str]) -> None:
        self._watched |= frozenset(collections)

    async def items(self) -> AsyncGenerator[Item]:
        yield Opened(self._stage.copy.version, resumed=False)
        while True:
            await asyncio.sleep(_SIGN_OF_LIFE)
            if not self._stage.silent:
                yield Advanced((), None)


class StageLoader:
    """Reads the stage's copy."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.reads = 0

    async def load(self, keys: Iterable[Key], *, version: Version, epoch: int = 0) -> Load:
        """Raises Unavailable for a moment that has passed."""
        self.reads += 1
        try:
            return self._stage.copy.load(keys, version=version, epoch=epoch)
        except ValueError as error:
            raise Unavailable(str(error)) from None


class StageStore(Store):
    """The stage as the use-cases know a database; what would write is refused."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(None, None, "memory")
        self._stage = stage

    async def find_one(
        self, collection: str, filter: Mapping[str, Any], *, sort: str | None = None
    ) -> Document | None:
        order = [(sort, 1)] if sort else []
        found = await self.find(collection, filter, sort=order, limit=1)
        return found[0] if found else None

    async def find(
        self,
        collection: str,
        filter: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] = (),
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """Raises Unavailable for a filter that is not understood here."""
        documents = self._stage.copy.documents(collection)
        try:
            found = selected(documents, filter, sort=sort)
        except NotImplementedError as error:
            raise Unavailable(str(error), code=READ_ONLY) from None
        return found[skip : skip + limit if limit else None]

    async def count(self, collection: str, filter: Mapping[str, Any]) -> int:
        return len(await self.find(collection, filter))

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        yield _NoWriting(self, _NoSession)

    async def ping(self) -> Version:
        return self._stage.copy.version

    async def ensure_indexes(self) -> None:
        """There are none."""


class _NoSession:
    operation_time = None


def refuse_writes() -> NoReturn:
    raise Unavailable(
        "These sessions are played from memory, and cannot be changed here.", code=READ_ONLY
    )


class _NoWriting(Writing):
    """Reads, and refuses to write."""

    async def find_one(self, collection: str, filter: Mapping[str, Any]) -> Document | None:
        return await self._store.find_one(collection, filter)

    async def find(
        self, collection: str, filter: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = ()
    ) -> list[Document]:
        return await self._store.find(collection, filter, sort=sort)

    async def insert_one(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def update_one(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def update_many(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def find_one_and_update(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def find_one_and_delete(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def delete_one(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def delete_many(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()

    async def atomically(self, *_: Any, **__: Any) -> NoReturn:
        refuse_writes()
