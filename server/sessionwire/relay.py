"""Moves the hub: the feed goes in, what the hub needs is loaded, who has news is woken."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from sessionwire.errors import PeerError, QueryError, Unavailable
from sessionwire.model import NEVER, Version, Viewer
from sessionwire.reactive.view import Answer, Failure
from sessionwire.store.feed import Advanced, Lost, Opened
from sessionwire.store.snapshot import evaluate_with
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping

    from sessionwire.policy.limits import Limits
    from sessionwire.reactive.change import Change, Group, Key
    from sessionwire.reactive.hub import Hub
    from sessionwire.reactive.outbox import Outbox
    from sessionwire.reactive.replica import Load
    from sessionwire.store.feed import Item
    from sessionwire.store.mongo import Store

__all__ = ["Reading", "Relay"]

logger = logging.getLogger("sessionwire.relay")

_NEEDS = 4_000
_LOADS = 4
_RETRY = 0.2
_TICK = 0.5
_OPENS_WITHIN = 15.0
_CROWD = 32
_CROWD_PAUSE = 0.000_5
_LONGEST_PAUSE = 0.2
"""After a load of more than `_CROWD` keys the next one waits, so many seconds for each key: a crowd
is arriving, and what it needs goes into few reads. A crowd that keeps coming makes the loads, and
with them the pauses, grow; at 100 connections a second they shrink to none."""
_TOGETHER = 64
"""How many connections' frames are built before they are written."""


class Source(Protocol):
    """What tells of changes: the feed, or what plays its part."""

    @property
    def watched(self) -> frozenset[str]: ...

    def follow(self, collections: Iterable[str]) -> None: ...

    def items(self) -> AsyncGenerator[Item]: ...


class Loading(Protocol):
    """What reads documents as of a version: the loader, or what plays its part."""

    @property
    def reads(self) -> int: ...

    async def load(self, keys: Iterable[Key], *, version: Version, epoch: int = 0) -> Load: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer: exact as of `version`, the same since `changed_at` (its ETag)."""

    value: Any
    encoded: bytes
    version: Version
    changed_at: Version


class Relay:
    """One process's link between the database and everybody who listens.

    It decides nothing about what is shown: the hub does. It is the only place that knows whether
    the stream is alive, and it says so by `live`, `stale_for` and the hub.
    """

    def __init__(
        self, *, store: Store, feed: Source, loader: Loading, hub: Hub, limits: Limits
    ) -> None:
        self.hub = hub
        self.limits = limits
        self.observers: list[Callable[[Change], None]] = []
        self._store = store
        self._feed = feed
        self._loader = loader
        self.losses = 0
        self._heard_at = time.monotonic()
        self._newest: datetime | None = None
        self._opened = asyncio.Event()
        self._current_from = NEVER
        self._needs = asyncio.Event()
        self._waiting: list[tuple[Version, int, asyncio.Future[None]]] = []
        self._sequence = 0

    @property
    def ready(self) -> bool:
        """Whether the stream was ever open: before that there is nothing to show."""
        return self._opened.is_set()

    @property
    def live(self) -> bool:
        return self.hub.live

    @property
    def loads(self) -> int:
        """Database reads so far, for what nobody had read before."""
        return self._loader.reads

    @property
    def stale_for(self) -> float:
        """Seconds since the stream last said anything, if only that there is nothing."""
        return time.monotonic() - self._heard_at

    @property
    def lag(self) -> float:
        """Seconds by which what is shown is behind MongoDB, as far as the two clocks agree.

        0 when the stream has said that there is nothing more; while it is not live, all of its
        silence counts, as anything may have been written in it.
        """
        newest = self._newest
        late = 0.0 if newest is None else (datetime.now(UTC) - newest).total_seconds()
        behind = max(0.0, late - self.stale_for)
        return behind if self.live else behind + self.stale_for

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the database while the block runs; returns into it once the stream is open.

        Raises Unavailable when it does not open within 15 seconds.
        """
        try:
            async with background(self._follow(), self._load(), self._watch()):
                await self._open()
                yield
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) == 1:  # the block's own, or that of the task that failed
                raise errors.exceptions[0] from None
            raise

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(_OPENS_WITHIN):
                await self._opened.wait()
        except TimeoutError:
            raise Unavailable("The change stream did not open.") from None

    # Reading

    async def read(
        self,
        query: str,
        viewer: Viewer,
        args: Mapping[str, Any] | None = None,
        *,
        since: Version = NEVER,
    ) -> Reading:
        """The query's answer, as of `since` or later; no database read when everything is held.

        Raises the query's refusal (PeerError), QueryError when the developer's code failed, and
        Unavailable when neither the stream nor the database answers in time.
        """
        if self.live and self.hub.position >= since:
            held = self.hub.read(query, viewer, args or {})
            if held.resolved and held.result is not None:  # the usual case: without a timer
                result = held.result
                return _reading(result.outcome, self.hub.position, result.changed_at)
        try:
            async with asyncio.timeout(self.limits.read_deadline):
                if not self.live:
                    return await self._read_database(query, viewer, args or {}, since)
                await self._reach(since)
                return await self._read_hub(query, viewer, args or {})
        except TimeoutError:
            raise Unavailable("The database did not answer in time.") from None

    async def _read_hub(self, query: str, viewer: Viewer, args: Mapping[str, Any]) -> Reading:
        watch = self.hub.read(query, viewer, args)
        while not watch.resolved or watch.result is None:
            self._needs.set()
            resolved = asyncio.get_running_loop().create_future()
            waiter = _resolver(resolved)
            self.hub.wait(watch, waiter)
            try:
                await resolved
            finally:
                self.hub.give_up(watch, waiter)
            watch = self.hub.read(query, viewer, args)
        result = watch.result
        return _reading(result.outcome, self.hub.position, result.changed_at)

    async def _read_database(
        self, query: str, viewer: Viewer, args: Mapping[str, Any], since: Version
    ) -> Reading:
        """While the stream is silent the replica cannot be trusted to be current."""
        named = self.hub.queries.named(query)
        version = max(await self._store.ping(), since)
        outcome = await evaluate_with(
            self._loader, named, viewer, named.parse(args), version=version
        )
        return _reading(outcome, version, version)

    async def until(self, version: Version) -> None:
        """Wait until this process shows `version` (P5).

        Raises Unavailable when it does not within `limits.version_wait`.
        """
        try:
            async with asyncio.timeout(self.limits.version_wait):
                await self._reach(version)
        except TimeoutError:
            raise Unavailable("The change stream is behind.") from None

    async def _reach(self, version: Version) -> None:
        if self.hub.position >= version:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sequence += 1
        heapq.heappush(self._waiting, (version, self._sequence, reached))
        await reached

    # Moving

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._feed.items()) as items:
            async for item in items:
                self.take(item)

    def take(self, item: Item) -> None:
        """Move everything as the item says, and wake whom it concerns."""
        try:
            self._take(item)
        except Exception:  # a change that we cannot digest must not stop the others
            logger.exception("A change could not be applied; loading everything anew")
            self._begin_anew(_reached(item))
        self.flush()
        if isinstance(item, Advanced):
            self._observe(item.groups)

    def _take(self, item: Item) -> None:
        match item:
            case Opened(version, resumed):
                if resumed:
                    logger.info("Following the change stream again, nothing missed")
                else:
                    logger.info("Following the change stream")
                    self._begin_anew(version)
                self._current_from = version
                self._heard()
                self._opened.set()
            case Advanced(groups, version):
                self._newest = groups[-1].wall if groups else None
                self.hub.apply(groups)
                if version is not None:
                    self.hub.advance(version)
                self._heard()
            case Lost(reason):
                self.losses += 1
                logger.warning("The change stream broke, opening it again: %s", reason)
            case _:
                assert_never(item)

    def _begin_anew(self, version: Version) -> None:
        """What is held is not to be trusted: load it as of `version`, but never go back (P3)."""
        self.hub.restart(max(version, self.hub.position))

    def _observe(self, groups: Iterable[Group]) -> None:
        for group in groups:
            for change in group.changes:
                for observe in self.observers:
                    try:
                        observe(change)
                    except Exception:  # an application's code: the stream goes on
                        logger.exception("An observer failed")

    def _heard(self) -> None:
        """Note a sign of life; a stream that still catches up is not live."""
        self._heard_at = time.monotonic()
        hub = self.hub
        if not (hub.live and hub.verifiable) and hub.position >= self._current_from:
            hub.set_live(live=True)
            hub.set_verifiable(verifiable=True)

    def flush(self) -> None:
        """Do what the hub has to be done: load, wake connections and readers, log failures."""
        if self.hub.replica.wanting:
            self._needs.set()
        ready = self.hub.take_ready()
        for first in range(0, len(ready), _TOGETHER):
            _wake(ready[first : first + _TOGETHER])
        while self._waiting and (
            self._waiting[0][0] <= self.hub.position or self._waiting[0][2].done()
        ):
            _resolver(heapq.heappop(self._waiting)[2])()
        for query, failure in self.hub.take_failures():
            logger.error("The query %s failed", query.name, exc_info=failure.cause)

    async def _load(self) -> None:
        """Load what is needed, a few batches at a time: what arrives meanwhile goes together."""
        loads = asyncio.Semaphore(_LOADS)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._needs.wait()
                self._needs.clear()
                while True:
                    await loads.acquire()
                    keys = self._loadable(self.hub.take_needs(_NEEDS)) if self.ready else []
                    if not keys:
                        loads.release()
                        break
                    group.create_task(self._load_keys(keys)).add_done_callback(
                        lambda _: loads.release()
                    )
                    if len(keys) > _CROWD:
                        await asyncio.sleep(min(_LONGEST_PAUSE, len(keys) * _CROWD_PAUSE))

    def _loadable(self, keys: list[Key]) -> list[Key]:
        """Those of a collection that the stream follows; the others once it does."""
        unwatched = [key for key in keys if key.collection not in self._feed.watched]
        if unwatched:
            self._feed.follow({key.collection for key in unwatched})
            self.hub.replica.give_back(unwatched, epoch=self.hub.replica.epoch)
        return [key for key in keys if key.collection in self._feed.watched]

    async def _load_keys(self, keys: Iterable[Key]) -> None:
        epoch, began = self.hub.replica.epoch, time.monotonic()
        unread = set(keys)
        try:
            async with asyncio.timeout(self.limits.read_deadline):
                load = await self._loader.load(unread, version=self.hub.position, epoch=epoch)
        except Exception as error:  # whatever it is, somebody waits for these keys
            logger.warning("A load failed, trying again: %s: %s", type(error).__name__, error)
        else:
            self.hub.tally.loads.observe(time.monotonic() - began)
            unread -= load.documents.keys() | load.sets.keys()
            await self._supply(load)
        if unread:
            await asyncio.sleep(_RETRY)
            self.hub.replica.give_back(unread, epoch=epoch)
        self.flush()

    async def _supply(self, load: Load) -> None:
        try:
            self.hub.supply(load)
        except Exception:
            logger.exception("A load could not be taken in; loading everything anew")
            await asyncio.sleep(_RETRY)
            self._begin_anew(self.hub.position)
        self.flush()

    async def _watch(self) -> None:
        """Notice silence: a stream that hangs raises nothing."""
        while True:
            await asyncio.sleep(_TICK)
            if self.stale_for > self.limits.max_staleness and self.hub.live:
                logger.warning("Nothing heard from MongoDB for %.1f s: stale", self.stale_for)
                self.hub.set_live(live=False)
                self.flush()
            if self.stale_for > self.limits.unverifiable_after and self.hub.verifiable:
                logger.error(
                    "MongoDB silent for %.0f s: ending all sessions' sockets", self.stale_for
                )
                self.hub.set_verifiable(verifiable=False)
                self.flush()
            self._waiting = [each for each in self._waiting if not each[2].done()]
            heapq.heapify(self._waiting)


def _reached(item: Item) -> Version:
    """Where the stream is after the item."""
    version = NEVER if isinstance(item, Lost) else item.version
    return NEVER if version is None else version


def _wake(outboxes: Iterable[Outbox]) -> None:
    """Have the frames of all built, then written: writes behind one another cost less."""
    for write in [outbox.wake() for outbox in outboxes]:
        if write is not None:
            write()


def _resolver(future: asyncio.Future[None]) -> Callable[[], None]:
    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    return resolve


def _reading(outcome: Answer | Failure, version: Version, changed_at: Version) -> Reading:
    if isinstance(outcome, Answer):
        return Reading(outcome.value, outcome.encoded, version, changed_at)
    if outcome.cause is not None:
        raise QueryError(outcome.message) from outcome.cause
    raise PeerError(outcome.message, code=outcome.code)
