"""One process under observation: traced while somebody watches, or at all times."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sessionwire.observing.census import Census
from sessionwire.observing.recorder import Recorder
from sessionwire.observing.redaction import redaction_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sessionwire.observing.census import Present
    from sessionwire.relay import Relay
    from sessionwire.settings import Settings

__all__ = ["Observation"]


class Observation:
    """The recorder and the census of a relay; `present` are the connections that it serves.

    In development changes are traced at all times, so that "why didn't my tab update?" can be asked
    afterwards; in production only while somebody watches.
    """

    def __init__(
        self,
        relay: Relay,
        settings: Settings,
        *,
        present: Callable[[], Iterable[Present]] = tuple,
        software: str = "",
    ) -> None:
        self.redaction = redaction_of(settings)
        self.recorder = Recorder(
            relay.hub, redaction=self.redaction, clock=time.perf_counter, now=_now
        )
        self.census = Census(
            relay, self.recorder, present=present, software=software, started=_now()
        )
        self._hub = relay.hub
        self._always = settings.environment == "development"
        self._watchers = 0
        self._switch()

    @property
    def watchers(self) -> int:
        return self._watchers

    @contextlib.contextmanager
    def watching(self, wake: Callable[[], None]) -> Iterator[Recorder]:
        """Trace while the block runs; `wake` is called whenever there is news."""
        self._watchers += 1
        self._switch()
        self.recorder.wakers.add(wake)
        try:
            yield self.recorder
        finally:
            self.recorder.wakers.discard(wake)
            self._watchers -= 1
            self._switch()

    def _switch(self) -> None:
        self._hub.tracer = self.recorder if self._always or self._watchers else None


def _now() -> datetime:
    return datetime.now(UTC)
