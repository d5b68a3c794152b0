"""How far one who watches has read the traces of a recorder, and what they missed; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.model import NEVER, Version, format_version
from sessionwire.observing.facts import MissedFacts, TraceFacts

if TYPE_CHECKING:
    from sessionwire.observing.filter import Filter
    from sessionwire.observing.recorder import Recorder

__all__ = ["Reader"]


class Reader:
    """Reads what is newer than `since`, and is kept; without one, what is traced from now on.

    It keeps no traces: who reads too slowly finds that some are gone, and is told how many.
    """

    def __init__(self, recorder: Recorder, wanted: Filter, *, since: Version | None = None) -> None:
        self._recorder = recorder
        self._wanted = wanted
        self._since = NEVER if since is None else since
        self._revision = recorder.revision if since is None else 0
        self._known = recorder.made if since is None else recorder.dropped
        self._newest = self._since or recorder.kept_from
        self._begun = False

    def take(self) -> tuple[MissedFacts | None, list[TraceFacts]]:
        """What was missed since the last call, and the traces that changed, newest change last."""
        missed = self._missed()
        traces = self._recorder.since(self._revision)
        self._known = self._recorder.made
        if traces:
            self._revision = traces[-1].revision
            self._newest = max(self._newest, *(each.version for each in traces))
        found = (each.facts() for each in traces if each.version > self._since)
        return missed, [each for each in found if self._wanted.matches(each)]

    def _missed(self) -> MissedFacts | None:
        recorder, begun = self._recorder, self._begun
        self._begun = True
        count: int | None = recorder.dropped - self._known
        if not begun and self._since:
            if self._since >= recorder.kept_from:
                return None
            count = None
        elif recorder.dropped <= self._known:
            return None
        until = format_version(recorder.kept_from)
        return MissedFacts(count=count, after=format_version(self._newest), until=until)
