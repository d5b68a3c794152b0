"""Which watches are due to be recomputed, and why; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.reactive.change import Update
from sessionwire.reactive.view import Edit

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from sessionwire.reactive.change import Group, Key
    from sessionwire.reactive.outbox import Watch
    from sessionwire.reactive.replica import Replica

__all__ = ["Due", "edit_of"]


def edit_of(group: Group, touched: Set[Key], replica: Replica) -> Edit | None:
    """The one edit that the group was, if that is all that it did to what the replica holds."""
    if len(group.changes) != 1 or len(touched) != 1:
        return None
    (change,) = group.changes
    if not isinstance(change, Update) or not replica.holds(change.key):
        return None
    return Edit(change.key, change.fields) if change.key in touched else None


class Due:
    """Each with the edit of the one document that it is due for, if that is all."""

    __slots__ = ("_watches",)

    def __init__(self) -> None:
        self._watches: dict[Watch, Edit | None] = {}

    def add(self, watches: Iterable[Watch], edit: Edit | None = None) -> None:
        due = self._watches
        for watch in watches:
            if watch not in due:
                due[watch] = edit
            elif edit is None:
                due[watch] = None
            elif (before := due[watch]) is not None:
                due[watch] = before.followed_by(edit)

    def discard(self, watch: Watch) -> None:
        self._watches.pop(watch, None)

    def take(self) -> dict[Watch, Edit | None]:
        """All of them, in the order in which they became due; none is any more."""
        due, self._watches = self._watches, {}
        return due
