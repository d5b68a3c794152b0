"""One cursor of a change stream: opened, asked for more, closed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import bson
from bson import CodecOptions, Int64
from bson.raw_bson import RawBSONDocument
from pymongo import errors as driver_errors

from sessionwire.store.codec import CODEC
from sessionwire.store.driver import cancellable
from sessionwire.store.reply import read_batch
from sessionwire.store.times import time_of, to_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionwire.model import Version
    from sessionwire.store.line import Line
    from sessionwire.store.mongo import Store

__all__ = ["BATCH", "PROBE_MS", "Cursor", "Ended"]

logger = logging.getLogger("sessionwire.feed")

BATCH = 1_000
"""Events in one batch at most."""
PROBE_MS = 1
"""How long to wait for more when this much is enough to know that there is none."""
_DEADLINE = 5.0
_CLOSE_DEADLINE = 1.0
_BY_DRIVER = 1.0
"""Seconds after which the driver asks again, who knows which member is the primary by now."""

_RAW: CodecOptions[RawBSONDocument] = CODEC.with_options(document_class=RawBSONDocument)


class Ended(Exception):
    """The server has closed the cursor: it will say nothing more (after a dropDatabase)."""


class Cursor:
    """One server-side cursor, which asks on the line, if there is one."""

    def __init__(self, store: Store, session: Any, line: Line | None = None) -> None:
        self._store = store
        self._session = session
        self._line = line
        self._id = Int64(0)
        self._asked_at = 0.0
        self._questions: dict[int, bytes] = {}
        self.token: Mapping[str, Any] = {}
        self.opened_at: Version

    @property
    def ended(self) -> bool:
        """Whether the server has closed it: what was said last was the last."""
        return not self._id

    async def open(
        self,
        collections: Iterable[str],
        token: Mapping[str, Any] | None,
        *,
        beyond: bool,
        since: Version | None,
    ) -> None:
        """Open after the token, else after `since`, else at the present, or just `beyond` it.

        The present includes the newest event, which may be the one that cannot be sent.
        `startAfter` rather than `resumeAfter`: it also goes on after a dropDatabase.
        """
        ping = await self._command({"ping": 1})
        self.opened_at = time_of(ping)
        names = sorted(map(self._store.naming.collection, collections))
        if token is None and since is not None:
            self.opened_at, beyond = since, True
        first = to_timestamp(self.opened_at + beyond)
        start = {"startAfter": token} if token else {"startAtOperationTime": first}
        ours = {"$or": [{"ns.coll": {"$in": names}}, {"to.coll": {"$in": names}}]}
        whole = {"operationType": {"$in": ["dropDatabase", "invalidate"]}}
        reply = await self._command(
            {
                "aggregate": 1,
                "pipeline": [{"$changeStream": start}, {"$match": {"$or": [ours, whole]}}],
                "cursor": {"batchSize": 0},
            }
        )
        self._id = reply["cursor"]["id"]
        self.token = reply["cursor"]["postBatchResumeToken"]

    async def more(self, wait_ms: int) -> list[bytes]:
        """The next batch, as BSON; empty when nothing came within the wait.

        Several events are a sign that more are on their way: then the next batch is asked for
        before this one is dealt with. A single one is dealt with first.
        """
        if self.ended:
            raise Ended("the database was dropped")
        batch = read_batch(await self._ask(wait_ms))
        self._id, self.token, events = batch.cursor, batch.token, batch.events
        line = self._line
        if line is not None and len(events) > 1 and not self.ended and not self._is_drivers_turn():
            line.ask(self._question(PROBE_MS), within=_DEADLINE)
        return events

    async def _ask(self, wait_ms: int) -> bytes:
        line = self._line
        if line is not None and not line.asked and not self._is_drivers_turn():
            line.ask(self._question(wait_ms), within=_DEADLINE)
        if line is not None and line.asked:
            return await line.answer()
        self._asked_at = time.monotonic()
        answer = await self._command(self._get_more(wait_ms), codec=_RAW)
        return bytes(answer.raw)

    def _is_drivers_turn(self) -> bool:
        return time.monotonic() - self._asked_at > _BY_DRIVER

    def _question(self, wait_ms: int) -> bytes:
        question = self._questions.get(wait_ms)
        if question is None:
            address = {"$db": self._store.name, "lsid": self._session.session_id}
            question = bson.encode(self._get_more(wait_ms) | address)
            self._questions[wait_ms] = question
        return question

    def _get_more(self, wait_ms: int) -> dict[str, Any]:
        return {
            "getMore": self._id,
            "collection": "$cmd.aggregate",
            "maxTimeMS": wait_ms,
            "batchSize": BATCH,
        }

    async def close(self) -> None:
        """Best effort: a cursor whose connection is gone ends with its session."""
        if self._line is not None:
            self._line.drop()
        if not self.ended:
            try:
                await self._command(
                    {"killCursors": "$cmd.aggregate", "cursors": [self._id]},
                    within=_CLOSE_DEADLINE,
                )
            except (driver_errors.PyMongoError, TimeoutError):
                logger.debug("a change stream cursor was left to time out")

    async def _command(
        self,
        command: dict[str, Any],
        *,
        within: float = _DEADLINE,
        codec: CodecOptions[Any] = CODEC,
    ) -> Any:
        async with asyncio.timeout(within):
            with cancellable():
                reply: Mapping[str, Any] = await self._store.raw.command(
                    command, codec_options=codec, session=self._session
                )
            return reply
