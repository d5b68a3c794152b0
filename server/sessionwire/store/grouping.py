"""Puts the events of one cluster time together, so that a transaction is seen whole (P2); pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.reactive.change import Change, Group
from sessionwire.store.decode import decode_event, event_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionwire.model import Version

__all__ = ["Grouping"]


class Grouping:
    """Collects events; a group is complete when something later was seen, or nothing more came.

    MongoDB ends a batch early only when it is full, by number or at 16 MB. So the last group of a
    batch that is not `full` is complete, unless it is a transaction, whose next document may have
    been too large for this batch. A sharded cluster, which merges several streams, gives no such
    promise at all.
    """

    def __init__(self, *, sharded: bool = False) -> None:
        self._sharded = sharded
        self._version: Version | None = None
        self._changes: list[Change] = []
        self._open = False

    @property
    def unfinished(self) -> bool:
        """Whether changes are held back because their group may not be complete."""
        return self._open

    def take(self, events: Sequence[Mapping[str, Any]], *, full: bool = False) -> list[Group]:
        """The groups that one batch completes; an empty batch completes what was held back."""
        groups: list[Group] = []
        for event in events:
            version = event_version(event)
            if version != self._version:
                self._finish(groups)
                self._version = version
            self._changes.extend(decode_event(event))
            self._open = True
        if not events or not (full or self._may_go_on(events[-1])):
            self._finish(groups)
        return groups

    def _may_go_on(self, last: Mapping[str, Any]) -> bool:
        return self._sharded or "txnNumber" in last

    def _finish(self, groups: list[Group]) -> None:
        if self._version is not None and self._open:
            groups.append(Group(self._version, tuple(self._changes)))
        self._changes = []
        self._open = False
