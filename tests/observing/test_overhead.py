"""What telling costs while nobody watches: nothing. It is counted, not timed.

`scripts/measure-overhead` measures; docs/observing.md has its figures.
"""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.gateways.live.protocol import LiveProtocol
from sessionwire.model import ANONYMOUS, Version
from sessionwire.observing.observation import Observation
from sessionwire.policy.limits import Limits
from sessionwire.reactive.change import DocumentKey, Group, Update
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from sessionwire.reactive.replica import Load
from sessionwire.reactive.view import Context, Queries
from sessionwire.relay import Relay
from sessionwire.store.feed import Feed
from sessionwire.store.load import Loader

if TYPE_CHECKING:
    from types import FrameType

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

CONNECTIONS = 5
KEY = DocumentKey("project", 1)
WALL = datetime(2026, 1, 1, tzinfo=UTC)


def shown(ctx: Context) -> object:
    return ctx.get("project", 1)


class Way:
    """The way of a change from the hub to the frames of some connections."""

    def __init__(self, store: Store) -> None:
        queries = Queries()
        queries.add("shown", shown)
        self.hub = Hub(queries, idle_documents=10, idle_watches=10)
        self.relay = Relay(
            store=store, feed=Feed(store, ()), loader=Loader(store), hub=self.hub, limits=Limits()
        )
        self.hub.restart(Version(1))
        self.hub.set_live(live=True)
        self._wires: dict[Outbox, LiveProtocol] = {}
        for _ in range(CONNECTIONS):
            outbox = Outbox(ANONYMOUS, lambda: None)
            wire = self._wires[outbox] = LiveProtocol(hub=self.hub, outbox=outbox, limits=Limits())
            wire.open()
            wire.receive('{"op":"subscribe","id":1,"query":"shown"}', now=0.0)
        assert self.hub.take_needs(10) == [KEY]
        self.hub.supply(Load(Version(1), self.hub.replica.epoch, {KEY: {"_id": 1, "n": 0}}, {}))
        self._flush()
        self._version = 1

    def change(self) -> None:
        self._version += 1
        update = Update(KEY, {"n": self._version})
        self.hub.apply([Group(Version(self._version), (update,), WALL)])
        assert self._flush() == CONNECTIONS

    def _flush(self) -> int:
        ready = self.hub.take_ready()
        return sum(len(self._wires[each].take(now=1.0, wall=WALL)) for each in ready)

    def calls(self) -> list[str]:
        """Every function that one change calls, in order, Python's and built-in ones."""
        self.change()  # what is made once is made
        seen = []

        def note(frame: FrameType, event: str, argument: Any) -> None:
            if event == "call":
                seen.append(f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}")
            elif event == "c_call":
                seen.append(argument.__qualname__)

        gc.disable()  # who else looks at collections is not of the change
        sys.setprofile(note)
        try:
            self.change()
        finally:
            sys.setprofile(None)
            gc.enable()
        return seen[:-1]  # without the end of the profile


@pytest.fixture
def production(settings: Settings) -> Settings:
    return settings.model_copy(update={"environment": "production"})


def test_while_nobody_watches_the_hub_has_no_tracer(store: Store, production: Settings) -> None:
    way = Way(store)
    observation = Observation(way.relay, production)
    assert way.hub.tracer is None
    with observation.watching(lambda: None) as recorder:
        assert way.hub.tracer is recorder
    assert way.hub.tracer is None


def test_a_change_calls_what_it_calls_without_anybody_to_watch(
    store: Store, production: Settings
) -> None:
    without = Way(store).calls()
    way = Way(store)
    observation = Observation(way.relay, production)
    assert way.calls() == without
    with observation.watching(lambda: None):
        assert len(way.calls()) > len(without)
    assert way.calls() == without
    assert not [
        each for each in without if "sessionwire/observing" in each or "opentelemetry" in each
    ]


def test_with_more_connections_a_watcher_costs_in_proportion(
    store: Store, production: Settings
) -> None:
    """Not more than a few calls for each delivery, whatever was traced before."""
    way = Way(store)
    without = len(way.calls())
    observation = Observation(way.relay, production)
    with observation.watching(lambda: None):
        first = len(way.calls())
        for _ in range(200):
            way.change()
        assert len(way.calls()) <= first + CONNECTIONS
    assert first - without < 60 * CONNECTIONS
