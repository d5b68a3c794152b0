"""Puts the events of one cluster time together, so that a transaction is seen whole (P2); pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.reactive.change import Change, Group
from sessionwire.store.decode import decode_event, event_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sessionwire.model import Version

__all__ = ["Grouping"]


class Grouping:
    """Collects events; a group is complete once the stream has passed its time, or has no more.

    MongoDB ends a batch early only when it is full, by number or at 16 MB. So the last group of a
    batch that is not `full` is complete, unless it is a transaction or has several events: then the
    next one may have been too large for this batch. A sharded cluster merges several streams, and
    one may come late with an event of the same time: there only a token of a later time is proof.
    """

    def __init__(
        self,
        *,
        sharded: bool = False,
        decode: Callable[[Mapping[str, Any]], Iterable[Change]] = decode_event,
    ) -> None:
        self._sharded = sharded
        self._decode = decode
        self._version: Version | None = None
        self._wall: datetime | None = None
        self._changes: list[Change] = []
        self._events = 0
        self._last_token: Mapping[str, Any] | None = None
        self._resume: Mapping[str, Any] | None = None

    @property
    def unfinished(self) -> bool:
        """Whether events are held back because their group may not be complete."""
        return self._events > 0

    @property
    def resume(self) -> Mapping[str, Any] | None:
        """While `unfinished`: the token of the event before the group; None when there was none."""
        return self._resume

    def take(
        self,
        events: Sequence[Mapping[str, Any]],
        *,
        full: bool = False,
        reached: Version | None = None,
    ) -> list[Group]:
        """The groups that one batch completes; `reached` is the time of the batch's token."""
        groups: list[Group] = []
        for event in events:
            version = event_version(event)
            if version != self._version:
                self._finish(groups)
                self._version, self._resume = version, self._last_token
                self._wall = event.get("wallTime")
            self._changes.extend(self._decode(event))
            self._events += 1
            self._last_token = event["_id"]
        if not self._may_go_on(events, full=full, reached=reached):
            self._finish(groups)
        return groups

    def finish(self) -> list[Group]:
        """The group that was held back, once the stream has said that nothing follows."""
        groups: list[Group] = []
        self._finish(groups)
        return groups

    def _may_go_on(
        self, events: Sequence[Mapping[str, Any]], *, full: bool, reached: Version | None
    ) -> bool:
        if reached is not None and self._version is not None and reached > self._version:
            return False
        if self._sharded or not events:
            return self._sharded
        return full or self._events > 1 or "txnNumber" in events[-1]

    def _finish(self, groups: list[Group]) -> None:
        if self._version is not None and self._events:
            groups.append(Group(self._version, tuple(self._changes), self._wall))
        self._changes = []
        self._events = 0
