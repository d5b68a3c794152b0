"""Which traces somebody wants to see; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionwire.observing.facts import ChangeFacts, TraceFacts

__all__ = ["Filter"]


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold: of one change, or (`user`) of somebody who is concerned."""

    user: str | None = None
    collection: str | None = None
    organization: str | None = None
    operation: str | None = None

    def matches(self, trace: TraceFacts) -> bool:
        concerned = {each.user for each in trace.views}
        concerned |= {each.user for each in trace.deliveries}
        return any(self._matches(each, concerned) for each in trace.changes) or (
            trace.stop == "resync"  # concerns everybody
        )

    def _matches(self, change: ChangeFacts, concerned: set[str | None]) -> bool:
        return (
            self.collection in (None, change.collection)
            and self.operation in (None, change.operation)
            and self.organization in (None, change.organization)
            and (self.user in (None, change.user) or self.user in concerned)
        )
