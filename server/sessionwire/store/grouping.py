"""Puts the events of one cluster time together, so that a transaction is seen whole (P2); pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sessionwire.model import Version
from sessionwire.reactive.change import Change, Group

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Event", "Grouping", "Reader"]


class Event(msgspec.Struct, frozen=True, gc=False):
    """What an event says. `changes` is None if it is an update that nobody heeds."""

    version: Version
    changes: Sequence[Change] | None
    wall: datetime | None = None
    in_transaction: bool = False


class Reader(Protocol):
    """Who understands events: `look` may leave out what nobody heeds, `read` does not."""

    def look(self, event: Any) -> Event: ...

    def read(self, event: Any) -> Event: ...

    def token(self, event: Any) -> Mapping[str, Any]: ...


class Grouping:
    """Collects events; a group is complete once the stream has passed its time, or has no more.

    MongoDB ends a batch early only when it is full, by number or at 16 MB. So the last group of a
    batch that is not `full` is complete, unless it is a transaction or has several events: then the
    next one may have been too large for this batch. A sharded cluster merges several streams, and
    one may come late with an event of the same time: there only a token of a later time is proof.

    What nobody heeds is not read, unless its group stays incomplete.
    """

    def __init__(self, reader: Reader, *, sharded: bool = False) -> None:
        self.finished: Version | None = None
        """The newest time that the last batch completed, groups of no consequence included."""
        self._reader = reader
        self._sharded = sharded
        self._version: Version | None = None
        self._wall: datetime | None = None
        self._changes: list[Change] = []
        self._overlooked: list[Any] = []
        self._events = 0
        self._in_transaction = False
        self._last: Any = None
        self._resume: Any = None

    @property
    def unfinished(self) -> bool:
        """Whether events are held back because their group may not be complete."""
        return self._events > 0

    @property
    def resume(self) -> Mapping[str, Any] | None:
        """While `unfinished`: the token of the event before the group; None when there was none."""
        return None if self._resume is None else self._reader.token(self._resume)

    def take(
        self,
        events: Sequence[Any],
        *,
        full: bool = False,
        reached: Version | None = None,
    ) -> list[Group]:
        """The groups that one batch completes; `reached` is the time of the batch's token."""
        groups: list[Group] = []
        self.finished = None
        for event in events:
            seen = self._reader.look(event)
            if seen.version != self._version:
                self._finish(groups)
                self._version, self._resume, self._wall = seen.version, self._last, None
            if seen.changes is None:
                self._overlooked.append(event)
            else:
                self._changes.extend(seen.changes)
                self._wall = seen.wall
            self._in_transaction = seen.in_transaction
            self._events += 1
            self._last = event
        if not self._may_go_on(events, full=full, reached=reached):
            self._finish(groups)
        else:
            self._look()
        return groups

    def _look(self) -> None:
        """What nobody heeds now may be asked for before its group is complete."""
        for event in self._overlooked:
            read = self._reader.read(event)
            self._changes.extend(read.changes or ())
            self._wall = read.wall
        self._overlooked = []

    def finish(self) -> list[Group]:
        """The group that was held back, once the stream has said that nothing follows."""
        groups: list[Group] = []
        self._finish(groups)
        return groups

    def _may_go_on(self, events: Sequence[Any], *, full: bool, reached: Version | None) -> bool:
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
