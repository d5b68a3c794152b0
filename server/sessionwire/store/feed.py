"""The one change stream of a process: batches of complete groups, resumed where it broke."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec
from bson.errors import InvalidBSON
from pymongo import errors as driver_errors

from sessionwire.model import Version
from sessionwire.reactive.change import Group
from sessionwire.store.cursor import BATCH, PROBE_MS, Cursor, Ended
from sessionwire.store.decode import token_version
from sessionwire.store.driver import one_line, start_session
from sessionwire.store.events import Events
from sessionwire.store.grouping import Grouping
from sessionwire.store.line import Line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from sessionwire.reactive.change import DocumentKey
    from sessionwire.store.mongo import Store

__all__ = ["Advanced", "Feed", "Item", "Lost", "Opened"]

logger = logging.getLogger("sessionwire.feed")

_AWAIT_MS = 200
"""How late a quiet stream may say that it has passed a write to what it does not follow."""
_SHARDED_PROBE_MS = 50
_BACKOFF = (0.0, 0.05, 0.2, 0.5, 1.0)
_STEADY = 5.0
"""After so many seconds a break counts as the first one."""
_REFUSALS = 2
_BREAKS = 4
"""Breaks at one token after which it is taken for the cause."""

_UNUSABLE_TOKEN = frozenset({280, 286, 260, 10334, 222, 50811})
"""ChangeStreamFatalError, HistoryLost, InvalidResumeToken, BSONObjectTooLarge, CloseChangeStream,
and a token from another stream: opening there again gives the same error."""
_PASSING = frozenset({43, 175, 237, 11601})
"""CursorNotFound, QueryPlanKilled, CursorKilled, Interrupted: an administrator's doing."""


class Opened(msgspec.Struct, frozen=True):
    """The stream is open at `version`. Unless `resumed`, changes before it were not seen."""

    version: Version
    resumed: bool


class Advanced(msgspec.Struct, frozen=True):
    """Everything up to `version` has been seen; `groups` is what changed, in order."""

    groups: tuple[Group, ...]
    version: Version | None


class Lost(msgspec.Struct, frozen=True):
    """The stream broke; it is being opened again."""

    reason: str


Item = Opened | Advanced | Lost


class Feed:
    """Follows the collections of a database; `follow` may add more at any time.

    It uses MongoDB's `aggregate` and `getMore` commands rather than the driver's ChangeStream,
    because only the commands show where a batch ends, which is how a transaction is known to be
    whole (docs/decisions/0002-own-change-stream-cursor.md). It keeps no documents. An update that
    nobody `heeds`, asked when it arrives, is passed over undecoded.
    """

    def __init__(
        self,
        store: Store,
        collections: Iterable[str],
        *,
        since: Version | None = None,
        heeds: Callable[[DocumentKey], bool] = lambda key: True,
    ) -> None:
        """Begin at the present, or with what changed after `since`, if MongoDB still has it."""
        self._heeds = heeds
        self._store = store
        self._collections = frozenset(collections)
        self._since = since
        self._token: Mapping[str, Any] | None = None
        self._breaks = 0
        self._beyond = False
        self._future: Version | None = None
        self._widened = False
        self._watched: frozenset[str] = frozenset()
        self._line: Line | None = None

    @property
    def watched(self) -> frozenset[str]:
        """The collections of the open cursor."""
        return self._watched

    def follow(self, collections: Iterable[str]) -> None:
        """Watch these too, from the stream's present position on: soon, see `watched`."""
        wider = self._collections | frozenset(collections)
        self._widened = self._widened or wider != self._collections
        self._collections = wider

    async def items(self) -> AsyncGenerator[Item]:
        """Never ends, and never raises for what the database does: a break is an item.

        Who stops reading before the program ends closes it (`contextlib.aclosing`).
        """
        failures = 0
        try:
            while True:
                began, opened = time.monotonic(), False
                try:
                    async with contextlib.aclosing(self._one_cursor()) as items:
                        async for item in items:
                            opened = True
                            yield item
                    continue
                except (driver_errors.PyMongoError, InvalidBSON, TimeoutError, Ended) as error:
                    self._judge(error, opened=opened)
                    reason = one_line(error)
                except Exception as error:  # nobody else would follow the database any more
                    logger.exception("The change stream failed in a way that we do not know")
                    self._begin_anew()  # what it failed of would come again
                    reason = one_line(error)
                await self._hang_up()  # it may lead to a member that is not the primary
                if time.monotonic() - began > _STEADY:
                    failures = 0
                yield Lost(reason)
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
        finally:
            await self._hang_up()

    def _judge(self, error: Exception, *, opened: bool) -> None:
        """Forget the token if the stream cannot go on from it.

        It cannot when MongoDB says so, and when it breaks there again and again without having said
        anything: an event that cannot be sent, or more to scan than the deadline allows.
        """
        if isinstance(error, InvalidBSON):
            patience = 0
        elif isinstance(error, driver_errors.OperationFailure):
            if _is_passing(error):
                return
            patience = 0 if _is_final(error) else _REFUSALS
        elif opened:
            patience = _BREAKS
        else:
            return  # nobody was there to look at the token
        self._breaks += 1
        if self._breaks >= patience:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Go on behind what is there now: what was not seen is loaded, and not told."""
        self._token, self._breaks, self._beyond = None, 0, True
        self._since = None

    async def _one_cursor(self) -> AsyncGenerator[Item]:
        async with await start_session(self._store.stream_client) as session:
            cursor = Cursor(self._store, session, await self._connect())
            try:
                resumed = self._token is not None
                self._widened = False
                watched = self._collections
                await cursor.open(watched, self._token, beyond=self._beyond, since=self._since)
                if self._token is None:
                    self._token = cursor.token
                    ahead = self._beyond or self._since is not None
                    self._future = token_version(cursor.token) if ahead else None
                    self._beyond, self._since = False, None
                self._watched = watched
                yield Opened(cursor.opened_at, resumed)
                events = Events(self._store.naming, heeds=self._heeds)
                grouping = Grouping(events, sharded=self._store.sharded)
                while not self._widened:
                    batch = await cursor.more(self._patience(grouping))
                    self._breaks = 0
                    yield self._advance(grouping, batch, cursor)
            finally:
                await cursor.close()

    async def _connect(self) -> Line | None:
        """The line that is open, or a new one; None where there is none to have."""
        if self._line is None or not self._line.open:
            await self._hang_up()
            if self._store.has_stream_client and not self._store.sharded:
                self._line = await Line.take(self._store.stream_client)
        return self._line

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    def _patience(self, grouping: Grouping) -> int:
        if not grouping.unfinished:
            return _AWAIT_MS
        return _SHARDED_PROBE_MS if self._store.sharded else PROBE_MS

    def _advance(self, grouping: Grouping, events: list[bytes], cursor: Cursor) -> Advanced:
        reached = token_version(cursor.token)
        if reached == self._future and not events:
            reached = None  # it is where the stream began, and nothing may have happened yet
        groups = grouping.take(events, full=len(events) >= BATCH, reached=reached)
        if cursor.ended:
            groups += grouping.finish()
        if grouping.unfinished:
            self._token = grouping.resume or self._token
            return Advanced(tuple(groups), grouping.finished)
        self._token = cursor.token
        return Advanced(tuple(groups), self._position(grouping, reached))

    def _position(self, grouping: Grouping, reached: Version | None) -> Version | None:
        """All that is known to have been seen: never less than the token, where `follow` begins."""
        if reached is not None and self._store.sharded:
            reached = Version(reached - 1)  # another shard may still have something of that time
        finished = grouping.finished
        if finished is None or reached is None:
            return reached if finished is None else finished
        return max(finished, reached)


def _is_final(error: driver_errors.OperationFailure) -> bool:
    return error.code in _UNUSABLE_TOKEN or error.has_error_label("NonResumableChangeStreamError")


def _is_passing(error: driver_errors.OperationFailure) -> bool:
    return error.code in _PASSING or error.has_error_label("ResumableChangeStreamError")
