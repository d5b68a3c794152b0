"""A hub over a naive database that a recorder follows, with a clock that is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessionwire.model import ObjectId, Version, Viewer
from sessionwire.observing.recorder import Recorder
from sessionwire.observing.redaction import Redaction
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from support import naive
from support.naive import NaiveDatabase

if TYPE_CHECKING:
    from sessionwire.observing.facts import DeliveryFacts, TraceFacts

__all__ = ["ALICE", "BEGIN", "BOB", "Rig"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ALICE, BOB = ObjectId("0" * 23 + "a"), ObjectId("0" * 23 + "b")


class Rig:
    """Alice is signed in by the credential `alice`, Bob by `bob`."""

    def __init__(self, *, kept: int = 1_000) -> None:
        self.at = 0.0
        self.database = NaiveDatabase()
        for name, id in (("alice", ALICE), ("bob", BOB)):
            session = {"_id": ObjectId(), "token": name, "userId": id, "updatedAt": BEGIN}
            until = BEGIN + timedelta(days=1)
            self.database.commit(
                naive.put("user", {"_id": id, "name": name, "email": f"{name}@x"}),
                naive.put("session", {**session, "expiresAt": until}),
            )
        self.hub = Hub(make_queries(active_organization="user"), idle_documents=9, idle_watches=9)
        self.hub.restart(self.database.version)
        self.hub.set_live(live=True)
        self.recorder = Recorder(
            self.hub,
            redaction=Redaction(),
            clock=lambda: self.at,
            now=lambda: BEGIN + timedelta(seconds=self.at),
            kept=kept,
        )
        self.hub.tracer = self.recorder

    def connect(self, name: str, *queries: str) -> Outbox:
        """A connection that shows these queries, numbered from 1."""
        outbox = Outbox(Viewer(name), lambda: None, id=f"{name}-{self.hub.connections}")
        self.hub.attach(outbox)
        for id, query in enumerate(queries, 1):
            self.hub.subscribe(outbox, id, query, {})
        self.load()
        self.take(outbox)
        return outbox

    def write(self, *together: Any) -> Version:
        """Commit and apply at once; time goes on by a second before."""
        self.at += 1
        group = self.database.commit(*together)
        assert group is not None
        self.hub.apply([group])
        return group.version

    def rename(self, id: ObjectId, name: str) -> Version:
        return self.write(naive.set_field("user", id, "name", name))

    def load(self) -> None:
        while keys := self.hub.take_needs(100):
            epoch = self.hub.replica.epoch
            load = self.database.load(keys, version=self.hub.position, epoch=epoch)
            self.hub.supply(load)

    def take(self, outbox: Outbox) -> None:
        """The connection sends what it has, half a second later."""
        self.at += 0.5
        deliveries = outbox.take(self.hub.position)
        if deliveries:
            self.hub.sent(outbox, deliveries, size=100, wall=BEGIN)

    def trace(self, version: Version) -> TraceFacts:
        (found,) = (each for each in self.recorder.since(0) if each.version == version)
        return found.facts()

    def deliveries(self, version: Version) -> dict[int, DeliveryFacts]:
        return {each.id: each for each in self.trace(version).deliveries}
