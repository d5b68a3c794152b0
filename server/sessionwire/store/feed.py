"""The one change stream of a process: batches of complete groups, resumed where it broke."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

from sessionwire.errors import Unavailable
from sessionwire.store.decode import token_version
from sessionwire.store.driver import start_session
from sessionwire.store.grouping import Grouping
from sessionwire.store.mongo import CODEC, from_timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from sessionwire.model import Version
    from sessionwire.reactive.change import Group
    from sessionwire.store.mongo import Store

__all__ = ["Advanced", "Feed", "Item", "Lost", "Opened"]

logger = logging.getLogger("sessionwire.feed")

_AWAIT_MS = 500
_PROBE_MS = 1
_BATCH = 1_000
_DEADLINE = 5.0
_BACKOFF = (0.0, 0.05, 0.2, 0.5, 1.0)

_UNUSABLE_TOKEN = frozenset({280, 286, 260, 10334, 222, 50811})
"""ChangeStreamFatalError, HistoryLost, InvalidResumeToken, BSONObjectTooLarge, CloseChangeStream,
and a token from another stream: opening there again gives the same error."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is open at `version`. Unless `resumed`, changes before it were not seen."""

    version: Version
    resumed: bool


@dataclass(frozen=True, slots=True)
class Advanced:
    """Everything up to `version` has been seen; `groups` is what changed, in order."""

    groups: tuple[Group, ...]
    version: Version | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream broke; it is being opened again."""

    reason: str


Item = Opened | Advanced | Lost


class _Invalidated(Exception):
    """The stream's namespace is gone (dropDatabase): this cursor will say nothing more."""


class Feed:
    """Follows the collections of a database; `follow` may add more at any time.

    It uses MongoDB's `aggregate` and `getMore` commands rather than the driver's ChangeStream,
    because only the commands show where a batch ends, which is how a transaction is known to be
    whole (docs/decisions/0002-own-change-stream-cursor.md). It keeps no documents.
    """

    def __init__(self, store: Store, collections: Iterable[str]) -> None:
        self._store = store
        self._collections = frozenset(collections)
        self._token: Mapping[str, Any] | None = None
        self._failed_at: Mapping[str, Any] | None = None
        self._widened = False
        self._watched: frozenset[str] = frozenset()

    @property
    def watched(self) -> frozenset[str]:
        """The collections of the open cursor."""
        return self._watched

    def follow(self, collections: Iterable[str]) -> None:
        """Watch these too, from the stream's present position on: soon, see `watched`."""
        wider = self._collections | frozenset(collections)
        self._widened = self._widened or wider != self._collections
        self._collections = wider

    async def items(self) -> AsyncIterator[Item]:
        """Never ends, and never raises for what the database does: a break is an item."""
        failures = 0
        while True:
            heard = 0
            try:
                async for item in self._one_cursor():
                    heard += isinstance(item, Advanced)
                    if heard > 1:  # the first says only that the cursor opened
                        failures = 0
                    yield item
                continue
            except (driver_errors.PyMongoError, TimeoutError, Unavailable, _Invalidated) as error:
                yield Lost(self._note(error))
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
            failures += 1

    def _note(self, error: Exception) -> str:
        """Decide whether the token can be used again, and say in a line what happened."""
        if isinstance(error, driver_errors.OperationFailure) and self._token is not None:
            labels = error.details.get("errorLabels", []) if error.details else []
            repeated = self._failed_at == self._token
            resumable = "ResumableChangeStreamError" in labels or error.code == 43
            if (
                error.code in _UNUSABLE_TOKEN
                or "NonResumableChangeStreamError" in labels
                or (repeated and not resumable)
            ):
                self._token = None
            self._failed_at = self._token
        if isinstance(error, _Invalidated):
            self._token = None
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"

    async def _one_cursor(self) -> AsyncIterator[Item]:
        async with await start_session(self._store.stream_client) as session:
            cursor = _Cursor(self._store, session)
            try:
                grouping = Grouping(sharded=self._store.sharded)
                resumed = self._token is not None
                self._widened = False
                watched = self._collections
                events = await cursor.open(watched, self._token)
                self._watched = watched
                yield Opened(cursor.opened_at, resumed)
                while not self._widened:
                    yield self._advance(grouping, events, cursor)
                    events = await cursor.more(_PROBE_MS if grouping.unfinished else _AWAIT_MS)
            finally:
                await cursor.close()

    def _advance(
        self, grouping: Grouping, events: list[dict[str, Any]], cursor: _Cursor
    ) -> Advanced:
        groups = tuple(grouping.take(events, full=len(events) >= _BATCH))
        if not grouping.unfinished:
            self._token = cursor.token
        if any(event.get("operationType") == "invalidate" for event in events):
            raise _Invalidated("the database was dropped")
        version = groups[-1].version if groups else None
        if not events:
            version = token_version(cursor.token)
        return Advanced(groups, version)


class _Cursor:
    """One server-side cursor."""

    def __init__(self, store: Store, session: Any) -> None:
        self._store = store
        self._session = session
        self._id = 0
        self.token: Mapping[str, Any] = {}
        self.opened_at: Version

    async def open(
        self, collections: Iterable[str], token: Mapping[str, Any] | None
    ) -> list[dict[str, Any]]:
        """Open at the token, or at the present; the first batch."""
        ping = await self._command({"ping": 1})
        names = sorted(collections)
        start = {"resumeAfter": token} if token else {"startAtOperationTime": ping["operationTime"]}
        ours = {"$or": [{"ns.coll": {"$in": names}}, {"to.coll": {"$in": names}}]}
        whole = {"operationType": {"$in": ["dropDatabase", "invalidate"]}}
        reply = await self._command(
            {
                "aggregate": 1,
                "pipeline": [{"$changeStream": start}, {"$match": {"$or": [ours, whole]}}],
                "cursor": {"batchSize": _BATCH},
            }
        )
        self._id = reply["cursor"]["id"]
        self.token = reply["cursor"]["postBatchResumeToken"]
        self.opened_at = from_timestamp(ping["operationTime"])
        return list(reply["cursor"]["firstBatch"])

    async def more(self, wait_ms: int) -> list[dict[str, Any]]:
        """The next batch; empty when nothing came within the wait."""
        if not self._id:
            raise _Invalidated("the stream ended")
        reply = await self._command(
            {
                "getMore": self._id,
                "collection": "$cmd.aggregate",
                "maxTimeMS": wait_ms,
                "batchSize": _BATCH,
            }
        )
        self._id = reply["cursor"]["id"]
        self.token = reply["cursor"]["postBatchResumeToken"]
        return list(reply["cursor"]["nextBatch"])

    async def close(self) -> None:
        """Best effort: a cursor whose connection is gone ends with its session."""
        if self._id:
            try:
                await self._command({"killCursors": "$cmd.aggregate", "cursors": [self._id]})
            except (driver_errors.PyMongoError, TimeoutError):
                logger.debug("a change stream cursor was left to time out")

    async def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(_DEADLINE):
            reply: dict[str, Any] = await self._store.raw.command(
                command, codec_options=CODEC, session=self._session
            )
            return reply
