"""What one connection is still to be told: the newest result of each subscription."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.model import NEVER, Version
from sessionwire.reactive.view import Answer, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sessionwire.model import Viewer
    from sessionwire.reactive.change import Key
    from sessionwire.reactive.view import Query

__all__ = ["Delivery", "Outbox", "Result", "Subscription", "Watch"]


class Result(msgspec.Struct, eq=False, gc=False):
    """What a watch found, from `changed_at` on; `tag` names the data for viewer, query and args.

    `wall` is when the write was made that changed it; None when no write did, as for a first one.
    `shared` keeps the newest frame that was built of it under what it was built for, so that many
    connections get the same bytes.
    """

    outcome: Answer | Failure
    tag: str
    changed_at: Version
    wall: datetime | None = None
    shared: tuple[Hashable, bytes] | None = None


@dataclass(slots=True, eq=False)
class Watch:
    """One query for one viewer with one set of args, whoever asks.

    `result` is right at the hub's position while `resolved`; otherwise it is the last one that was.
    `wall` is when the first write was made whose outcome waits for a load.
    """

    query: Query
    viewer: Viewer
    args: Mapping[str, Any]
    result: Result | None = None
    resolved: bool = False
    wall: datetime | None = None
    reads: tuple[Key, ...] = ()
    subscriptions: set[Subscription] = field(default_factory=set)
    waiters: list[Callable[[], None]] = field(default_factory=list)
    key: Hashable = None
    """What the hub finds it by."""

    @property
    def needed(self) -> bool:
        return bool(self.subscriptions or self.waiters)


@dataclass(slots=True, eq=False)
class Subscription:
    """One watch on one outbox; `since` and `tag` are what its client saw before."""

    outbox: Outbox
    id: int
    watch: Watch
    since: Version
    tag: str | None
    answered: bool = False


class Delivery(msgspec.Struct, frozen=True):
    """Results to put into one frame; `unchanged` ones need no data.

    `pushed`: its client has been told another one before. `shared`: others are told the same.
    """

    id: int
    result: Result
    unchanged: bool
    pushed: bool = False
    shared: bool = False


class Outbox:
    """One connection's subscriptions and which of them changed.

    It keeps no queue: a result that is replaced before it was taken is never sent, so a slow reader
    costs what it subscribed to, and no more (P9).
    """

    __slots__ = ("_dirty", "id", "identity", "shown", "subscriptions", "viewer", "wake")

    def __init__(
        self, viewer: Viewer, wake: Callable[[], Callable[[], None] | None], *, id: str = ""
    ) -> None:
        self.id = id
        """Names the connection in logs and traces."""
        self.viewer = viewer
        self.wake = wake
        """There may be something to take. What it returns, if anything, writes what was taken."""
        self.shown = NEVER
        """The version of the newest frame that was taken."""
        self.identity: Subscription | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self._dirty: dict[int, Subscription] = {}

    @property
    def dirty(self) -> Collection[int]:
        """The subscriptions whose newest result waits to be taken."""
        return self._dirty.keys()

    def mark(self, subscription: Subscription) -> bool:
        """Its result changed, or is the first one; whether that replaces one that waited."""
        if subscription is self.identity:
            return False
        replaced = subscription.answered and subscription.id in self._dirty
        self._dirty[subscription.id] = subscription
        return replaced

    def remove(self, id: int) -> Subscription | None:
        self._dirty.pop(id, None)
        return self.subscriptions.pop(id, None)

    @property
    def settled(self) -> bool:
        """Whether all that it subscribes to is known at the hub's position."""
        return self._whole() and all(each.watch.resolved for each in self.subscriptions.values())

    def take(self, position: Version) -> list[Delivery]:
        """The results to send now: empty, or all of them exact at `position` (P2).

        While something that the connection shows is being loaded anew, everything waits for it, so
        that the connection never shows two moments at once.
        """
        if not self._dirty or not self._whole():
            return []
        deliveries = []
        for subscription in list(self._dirty.values()):
            watch = subscription.watch
            if not watch.resolved or watch.result is None or subscription.since > position:
                continue
            del self._dirty[subscription.id]
            pushed = subscription.answered
            unchanged = not pushed and subscription.tag == watch.result.tag
            subscription.answered = True
            shared = len(watch.subscriptions) > 1
            deliveries.append(Delivery(subscription.id, watch.result, unchanged, pushed, shared))
        if deliveries:
            self.shown = position
        return deliveries

    def _whole(self) -> bool:
        if self.identity is not None and not self.identity.watch.resolved:
            return False
        for each in self.subscriptions.values():
            if each.answered and not each.watch.resolved:
                return False
        return True
