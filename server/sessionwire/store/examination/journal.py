"""How long a write of another program takes until its event comes.

Change streams show what the majority has on disk. A `w: 1` write waits for the journal's next
flush. `watch_commits` only looks (docs/decisions/0014); `probe_commits` writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from pymongo import WriteConcern
from pymongo import errors as driver_errors

from sessionwire.store.driver import one_line
from sessionwire.store.examination.deployment import parameter
from sessionwire.store.examination.facts import Commits

if TYPE_CHECKING:
    from bson import Timestamp
    from pymongo import AsyncMongoClient

__all__ = ["PROBE", "probe_commits", "watch_commits"]

PROBE = "sessionwireDoctor"
"""The collection of the probe, which it removes again."""
_LOOK_SECONDS = 0.002
_ENOUGH = 5
_PROBES = 7
_EVENT_SECONDS = 3.0


async def watch_commits(
    client: AsyncMongoClient[dict[str, Any]], *, seconds: float = 1.5
) -> Commits:
    """Watch other programs' writes become the majority's, for this long or until five did.

    `hello` names the newest write that the primary has, and the newest that the majority has; how
    long the second lags behind the first is what an event waits for. On an idle MongoDB nothing is
    measured.
    """
    interval = await parameter(client, "journalCommitInterval")
    pending: dict[Timestamp, float] = {}
    waits: list[float] = []
    newest: Timestamp | None = None
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and len(waits) < _ENOUGH:
        last = (await client.admin.command("hello")).get("lastWrite")
        now = time.monotonic()
        if last is None:
            break  # a mongos
        written, majority = last["opTime"]["ts"], last["majorityOpTime"]["ts"]
        if newest is not None and written > newest:
            pending[written] = now
        newest = written
        reached = [each for each in pending if each <= majority]
        waits += [1000 * (now - pending.pop(each)) for each in reached]
        await asyncio.sleep(_LOOK_SECONDS)
    return Commits(interval, tuple(waits), probed=False)


async def probe_commits(client: AsyncMongoClient[dict[str, Any]], database: str) -> Commits:
    """Write with `w: 1` into a collection of our own, and time each event; it is dropped after."""
    interval = await parameter(client, "journalCommitInterval")
    collection = client.get_database(database, write_concern=WriteConcern(w=1))[PROBE]
    waits: list[float] = []
    fault = None
    try:
        # Existing before the stream, or its making would be the first event.
        await collection.insert_one({"_id": "made"})
        async with await collection.watch(max_await_time_ms=100) as stream:
            for number in range(_PROBES):
                began = time.perf_counter()
                await collection.insert_one({"_id": number})
                await _event(stream, number)
                waits.append(1000 * (time.perf_counter() - began))
    except (driver_errors.PyMongoError, TimeoutError) as error:
        fault = one_line(error)
    finally:
        with contextlib.suppress(driver_errors.PyMongoError):
            await collection.drop()
    return Commits(interval, tuple(waits), probed=True, fault=fault)


async def _event(stream: Any, number: int) -> None:
    """Wait for this insertion; `try_next`, because a cancelled `next` would close the stream."""
    deadline = time.monotonic() + _EVENT_SECONDS
    while time.monotonic() < deadline:
        event = await stream.try_next()
        if event is not None and event.get("documentKey", {}).get("_id") == number:
            return
    raise TimeoutError("the event of a write did not come within 3 s")
