"""What one connection is still to be told: the newest result of each subscription."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from sessionwire.model import Version, Viewer
    from sessionwire.reactive.change import Key
    from sessionwire.reactive.view import Answer, Failure, Query

__all__ = ["Delivery", "Outbox", "Result", "Subscription", "Watch"]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a watch found, from `changed_at` on; `tag` names the data for viewer, query and args.

    `frames` keeps what was built of it, so that many connections share the bytes.
    """

    outcome: Answer | Failure
    tag: str
    changed_at: Version
    frames: dict[Hashable, bytes] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Watch:
    """One query for one viewer with one set of args, whoever asks.

    `result` is right at the hub's position while `resolved`; otherwise it is the last one that was.
    """

    query: Query
    viewer: Viewer
    args: Mapping[str, Any]
    result: Result | None = None
    resolved: bool = False
    reads: frozenset[Key] = frozenset()
    subscriptions: set[Subscription] = field(default_factory=set)
    waiters: list[Callable[[], None]] = field(default_factory=list)

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


@dataclass(frozen=True, slots=True)
class Delivery:
    """Results to put into one frame; `unchanged` ones need no data."""

    id: int
    result: Result
    unchanged: bool


class Outbox:
    """One connection's subscriptions and which of them changed.

    It keeps no queue: a result that is replaced before it was taken is never sent, so a slow reader
    costs what it subscribed to, and no more (P9).
    """

    __slots__ = ("_dirty", "identity", "subscriptions", "viewer", "wake")

    def __init__(self, viewer: Viewer, wake: Callable[[], None]) -> None:
        self.viewer = viewer
        self.wake = wake
        self.identity: Subscription | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self._dirty: dict[int, Subscription] = {}

    def mark(self, subscription: Subscription) -> None:
        """Its result changed, or is the first one."""
        if subscription is not self.identity:
            self._dirty[subscription.id] = subscription

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
            unchanged = not subscription.answered and subscription.tag == watch.result.tag
            subscription.answered = True
            deliveries.append(Delivery(subscription.id, watch.result, unchanged))
        return deliveries

    def _whole(self) -> bool:
        if self.identity is not None and not self.identity.watch.resolved:
            return False
        return all(each.watch.resolved or not each.answered for each in self.subscriptions.values())
