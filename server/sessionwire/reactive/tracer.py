"""Who follows changes on their way through the hub, if anybody does; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sessionwire.model import Version
    from sessionwire.reactive.change import Group, Key
    from sessionwire.reactive.outbox import Delivery, Outbox, Subscription, Watch

__all__ = ["Recomputed", "Tracer"]

Recomputed = Literal["changed", "equal", "loading", "idle"]
"""What came of a watch that a change touched: `loading` needs documents that are not held, `idle`
has nobody who waits for it, and is recomputed when it is read."""


class Tracer(Protocol):
    """Told of each step as it happens, in order. It decides nothing, and must not raise.

    The hub has none while nobody watches; then nothing here costs anything.
    """

    def received(self, groups: Sequence[Group]) -> None:
        """The stream brought these."""

    def restarted(self, version: Version) -> None:
        """History was lost; all that is watched is loaded anew as of this version or later."""

    def applied(self, group: Group, keys: Collection[Key], watches: Iterable[Watch]) -> None:
        """The replica is at the group; these keys changed in it, and these watches read them."""

    def recomputed(self, watch: Watch, how: Recomputed) -> None: ...

    def offered(self, subscription: Subscription) -> None:
        """Its newest result, that of the watch just recomputed, waits to be sent.

        One that waited already will not be sent any more.
        """

    def written(
        self, outbox: Outbox, deliveries: Sequence[Delivery], version: Version, *, size: int
    ) -> None:
        """One frame of `size` bytes went to the connection."""

    def acknowledged(self, outbox: Outbox, version: Version) -> None:
        """The client says that it shows this version."""

    def ended(self, outbox: Outbox, reason: str | None) -> None:
        """The connection is over: the server said goodbye for this reason, or None: it was left."""
