"""Compares what clients were shown with the database as of the version that they were told."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessionwire.errors import Unavailable
from sessionwire.model import Viewer, format_version, parse_version
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.view import Answer, Failure
from sessionwire.store.snapshot import evaluate_at

if TYPE_CHECKING:
    from chaos.tabs import Seen, Shown, Tab
    from sessionwire.store.mongo import Store

__all__ = ["Judge"]

_WORKERS = 10
_PATIENCE = 45.0
"""A judge asks the same database that suffers; so long it goes on asking."""
_KNOWN = 50_000


class Judge:
    """Takes in what was seen, and raises AssertionError where it was not so (P1, P2).

    `checked` counts results, `frames` frames; `unchecked` those whose version the database could
    not be asked for any more, because the node that answers was started after it.
    """

    def __init__(self, store: Store) -> None:
        self.checked = self.frames = self.unchecked = 0
        self._store = store
        self._queue: asyncio.Queue[Seen] = asyncio.Queue()
        self._known: dict[tuple[str, Viewer, str, str], str] = {}
        self._queries = make_queries(active_organization="user", maximum=timedelta(days=90))

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def take(self, seen: Seen) -> None:
        self._queue.put_nowait(seen)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def done(self) -> None:
        """Wait until everything that was taken in is judged."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            seen = await self._queue.get()
            for shown in seen.shown:
                truth = await self._patiently(seen.version, seen.viewer, shown)
                if truth is None:
                    self.unchecked += 1
                    continue
                assert shown.text == truth, (
                    f"P1/P2: {shown.query} {shown.args} at {seen.version} was shown as "
                    f"{shown.text}, and is {truth}"
                )
                self.checked += 1
            self.frames += 1
            self._queue.task_done()

    async def _patiently(self, version: str, viewer: Viewer, shown: Shown) -> str | None:
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            try:
                return await self.truth(version, viewer, shown.query, shown.args)
            except (Unavailable, TimeoutError) as error:
                if _is_forgotten(error):
                    return None
                await asyncio.sleep(0.2)
        return None

    async def truth(self, version: str, viewer: Viewer, query: str, args: dict[str, Any]) -> str:
        """What the query says as of the version. Raises Unavailable."""
        key = (version, viewer, query, json.dumps(args, sort_keys=True))
        if key not in self._known:
            async with asyncio.timeout(10):
                outcome = await evaluate_at(
                    self._store,
                    self._queries.named(query),
                    viewer,
                    args,
                    version=parse_version(version),
                )
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = _as_text(outcome)
        return self._known[key]

    async def agrees(self, tab: Tab) -> str:
        """Empty if the tab shows the latest state, else in what it differs (P4)."""
        if not tab.live or len(tab.shown) < len(tab.asked) or not tab.asked:
            return f"{tab.member} shows {len(tab.shown)} of {len(tab.asked)}, live: {tab.live}"
        try:
            version = format_version(await self._store.ping())
            for shown in list(tab.shown.values()):
                truth = await self.truth(version, tab.viewer, shown.query, shown.args)
                if shown.text != truth:
                    return f"{tab.member} shows {shown}, and it is {truth}"
        except (Unavailable, TimeoutError) as error:
            return f"the database cannot be asked: {error}"
        return ""


def _is_forgotten(error: BaseException) -> bool:
    """SnapshotTooOld, or SnapshotUnavailable of a node that was started later."""
    code = getattr(error.__cause__, "code", None)
    return code in (239, 246)


def _as_text(outcome: Answer | Failure) -> str:
    if isinstance(outcome, Failure):
        return "!" + outcome.code
    return json.dumps(json.loads(outcome.encoded), sort_keys=True)
