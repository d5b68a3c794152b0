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

    `read` gives an event as a mapping. `overlook` gives the time of one that nobody would heed at
    this moment, which is then not read, unless its group stays incomplete.
    """

    def __init__(
        self,
        *,
        sharded: bool = False,
        decode: Callable[[Mapping[str, Any]], Iterable[Change]] = decode_event,
        read: Callable[[Any], Mapping[str, Any]] = lambda event: event,
        overlook: Callable[[Any], Version | None] = lambda event: None,
    ) -> None:
        self.finished: Version | None = None
        """The newest time that the last batch completed, groups of no consequence included."""
        self._sharded = sharded
        self._decode = decode
        self._read = read
        self._overlook = overlook
        self._version: Version | None = None
        self._wall: datetime | None = None
        self._changes: list[Change] = []
        self._overlooked: list[Any] = []
        self._events = 0
        self._in_transaction = False
        """Whether the newest event is part of one; an overlooked one is not (`store.decode`)."""
        self._last: Mapping[str, Any] | None = None
        self._resume: Mapping[str, Any] | None = None

    @property
    def unfinished(self) -> bool:
        """Whether events are held back because their group may not be complete."""
        return self._events > 0

    @property
    def resume(self) -> Mapping[str, Any] | None:
        """While `unfinished`: the token of the event before the group; None when there was none."""
        return None if self._resume is None else self._resume["_id"]

    def take(
        self,
        events: Sequence[Mapping[str, Any]],
        *,
        full: bool = False,
        reached: Version | None = None,
    ) -> list[Group]:
        """The groups that one batch completes; `reached` is the time of the batch's token."""
        groups: list[Group] = []
        self.finished = None
        for event in events:
            version = self._overlook(event)
            known = None
            if version is None:
                known = self._read(event)
                version = event_version(known)
            if version != self._version:
                self._finish(groups)
                self._version, self._resume, self._wall = version, self._last, None
            if known is None:
                self._overlooked.append(event)
                self._in_transaction = False
            else:
                self._add(known)
                self._in_transaction = "txnNumber" in known
            self._events += 1
            self._last = event
        if not self._may_go_on(events, full=full, reached=reached):
            self._finish(groups)
        else:
            self._look()
        return groups

    def _add(self, event: Mapping[str, Any]) -> None:
        self._wall = event.get("wallTime")
        self._changes.extend(self._decode(event))

    def _look(self) -> None:
        """What nobody heeds now may be asked for before its group is complete."""
        for event in self._overlooked:
            self._add(self._read(event))
        self._overlooked = []

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
        return full or self._events > 1 or self._in_transaction

    def _finish(self, groups: list[Group]) -> None:
        if self._version is not None and self._events:
            self.finished = self._version
            if self._changes or not self._overlooked:
                groups.append(Group(self._version, tuple(self._changes), self._wall))
        self._changes, self._overlooked = [], []
        self._events = 0
