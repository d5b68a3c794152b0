"""How late the event loop is: what waits for it waits at least as long."""

from __future__ import annotations

import asyncio

from sessionwire.reactive.tally import Histogram

__all__ = ["Pulse"]

_BEAT = 0.25
_LATENESS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Pulse:
    """Asks to be woken four times a second, and notes by how much later that happens."""

    def __init__(self) -> None:
        self.lateness = Histogram(_LATENESS)

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + _BEAT
            await asyncio.sleep(_BEAT)
            self.lateness.observe(clock() - due)
