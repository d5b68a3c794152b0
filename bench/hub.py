"""What a change costs without I/O: the hub, the live wire and the frame, for one user and for all.

    python -m bench.hub [--people 2000] [--profile]

The hub is driven as the relay drives it, over people as `bench.people` writes them. Printed is the
best of several runs, in microseconds of processor time for each frame: that is what the code costs
when nothing else is in its way.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import pstats
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.people import make_people
from sessionwire.gateways.connection import DirectConnection
from sessionwire.gateways.live.protocol import LiveProtocol
from sessionwire.gateways.pulse import Pulse
from sessionwire.gateways.socket import LiveSocket
from sessionwire.model import ObjectId, Version, Viewer
from sessionwire.policy.limits import Limits
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.change import DocumentKey, Group, SetKey, Update
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from sessionwire.reactive.replica import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionwire.gateways.socket import Receiver
    from sessionwire.model import Document, Id

_RUNS = 12
_WALL = datetime(2026, 1, 1, tzinfo=UTC)


def _ignore() -> None: ...


class _Written:
    """A transport that only counts."""

    frames = 0

    def write(self, data: bytes) -> None:
        self.frames += 1

    def is_closing(self) -> bool:
        return False


class _Handover:
    """Gives a connection that transport."""

    def __init__(self, written: _Written) -> None:
        self._written = written

    def take(self, receiver: Receiver) -> LiveSocket:
        return LiveSocket(self._written, receiver, connections=set(), max_size=1)


class Stage:
    """A hub that everybody is connected to, each with one `session` subscription."""

    def __init__(self, count: int) -> None:
        self.documents: dict[str, dict[Id, Document]] = {}
        _, written = make_people(
            "secret", count=count, cold=0, organizations=1, buckets=1, frozen=0
        )
        for name, documents in written.items():
            self.documents[name] = {each["_id"]: _aware(each) for each in documents}
        self.users = list(self.documents["user"])
        (self.organization,) = self.documents["organization"]
        queries = make_queries(active_organization="user")
        self.hub = Hub(queries, idle_documents=count, idle_watches=count)
        self.hub.restart(Version(1))
        self.hub.set_live(live=True)
        self.pulse = Pulse()
        self.written = _Written()
        for session in self.documents["session"].values():
            connection = DirectConnection("", write_deadline=9.0, acted=_ignore, pulse=self.pulse)
            outbox = Outbox(Viewer(session["token"]), connection.wake)
            wire = LiveProtocol(hub=self.hub, outbox=outbox, limits=Limits())
            connection.start(_Handover(self.written), wire, ended=_ignore)  # type: ignore[arg-type]
            connection.received('{"op":"subscribe","id":1,"query":"session"}')
        self._load()
        self.flush()

    def _load(self) -> None:
        sets: dict[SetKey, set[Id]] = {}
        for collection, field in (("session", "token"), ("member", "userId")):
            for id, document in self.documents[collection].items():
                sets.setdefault(SetKey(collection, field, document[field]), set()).add(id)
        while keys := self.hub.take_needs(100_000):
            found = {key: frozenset(sets.get(key, ())) for key in keys if isinstance(key, SetKey)}
            asked = {key for key in keys if isinstance(key, DocumentKey)}
            asked |= {DocumentKey(key.collection, id) for key, ids in found.items() for id in ids}
            documents = {key: self.documents[key.collection].get(key.id) for key in asked}
            replica = self.hub.replica
            self.hub.supply(Load(self.hub.position, replica.epoch, documents, found))

    def flush(self) -> int:
        """How many frames there were to send."""
        before = self.written.frames
        for outbox in self.hub.take_ready():
            write = outbox.wake()
            if write is not None:
                write()
        return self.written.frames - before

    def rename(self, collection: str, id: Id, name: str) -> int:
        update = Update(DocumentKey(collection, id), {"name": name})
        self.hub.apply([Group(Version(self.hub.position + 1), (update,), wall=_WALL)])
        return self.flush()


def _aware(document: Mapping[str, Any]) -> Document:
    """As the driver decodes it: dates with a zone, and ids that are objects of their own."""
    return {
        name: ObjectId(str(value)) if isinstance(value, ObjectId) else value
        for name, value in document.items()
    }


def _users(stage: Stage, number: int) -> int:
    return sum(stage.rename("user", id, f"Name {number}") for id in stage.users[:500])


def _members(stage: Stage, number: int) -> int:
    return stage.rename("organization", stage.organization, f"Renamed {number}")


def _best(work: Callable[[Stage, int], int], stage: Stage) -> float:
    found = []
    for number in range(_RUNS):
        began = time.process_time()
        frames = work(stage, number)
        found.append((time.process_time() - began) / frames * 1e6)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hub", description=__doc__)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--profile", action="store_true", help="print where the time goes, too")
    given = parser.parse_args()
    asyncio.run(_measure(given.people, profiled=given.profile))


async def _measure(people: int, *, profiled: bool) -> None:
    stage = Stage(people)
    gc.freeze()
    gc.set_threshold(100_000)
    for work, said in (
        (_users, "change of a user"),
        (_members, "viewer of a renamed organization"),
    ):
        sys.stdout.write(f"{_best(work, stage):6.1f} µs per {said}\n")
        if profiled:
            profile = cProfile.Profile()
            profile.runcall(work, stage, -1)
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)


if __name__ == "__main__":
    main()
