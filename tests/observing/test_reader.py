"""Who watches is told what they missed: because they read too slowly, or because nobody watched."""

from __future__ import annotations

from datetime import UTC, datetime

from sessionwire.model import Version, format_version
from sessionwire.observing.facts import MissedFacts
from sessionwire.observing.filter import Filter
from sessionwire.observing.reader import Reader
from sessionwire.observing.recorder import Recorder
from sessionwire.observing.redaction import Redaction
from sessionwire.reactive.change import Delete, DocumentKey, Group
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.view import Queries

KEPT = 3


def watched() -> tuple[Hub, Recorder]:
    """A hub at version 10 with a recorder that keeps three traces."""
    hub = Hub(Queries(), idle_documents=10, idle_watches=10)
    hub.restart(Version(10))
    recorder = Recorder(
        hub, redaction=Redaction(), clock=lambda: 0.0, now=lambda: datetime.now(UTC), kept=KEPT
    )
    hub.tracer = recorder
    recorder.begin()
    return hub, recorder


def write(hub: Hub, *versions: int) -> None:
    for each in versions:
        hub.apply([Group(Version(each), (Delete(DocumentKey("user", each)),))])


def seen(reader: Reader) -> list[int]:
    return [int(each.version, 16) for each in reader.take()[1]]


def between(count: int | None, after: int, until: int) -> MissedFacts:
    return MissedFacts(count=count, after=format_version(after), until=format_version(until))


def test_a_reader_sees_each_change_once() -> None:
    hub, recorder = watched()
    write(hub, 11)
    reader = Reader(recorder, Filter())
    assert seen(reader) == []
    write(hub, 12, 13)
    assert seen(reader) == [12, 13]
    assert seen(reader) == []


def test_one_that_asks_for_older_ones_gets_what_is_kept() -> None:
    hub, recorder = watched()
    write(hub, 11, 12, 13)
    missed, traces = Reader(recorder, Filter(), since=Version(11)).take()
    assert missed is None
    assert [int(each.version, 16) for each in traces] == [12, 13]


def test_a_slow_reader_is_told_how_many_it_missed() -> None:
    hub, recorder = watched()
    reader = Reader(recorder, Filter())
    write(hub, 11)
    assert seen(reader) == [11]
    write(hub, 12, 13, 14, 15, 16)
    missed, traces = reader.take()
    assert missed == between(2, 11, 13)
    assert [int(each.version, 16) for each in traces] == [14, 15, 16]
    assert reader.take() == (None, [])


def test_one_that_has_seen_what_is_gone_missed_nothing() -> None:
    hub, recorder = watched()
    reader = Reader(recorder, Filter())
    for version in range(11, 30):
        write(hub, version)
        assert reader.take()[0] is None


def test_one_that_asks_for_more_than_is_kept_is_told_so_once() -> None:
    hub, recorder = watched()
    write(hub, 11, 12, 13, 14)
    reader = Reader(recorder, Filter(), since=Version(10))
    assert reader.take()[0] == between(None, 10, 11)
    assert reader.take()[0] is None


def test_what_passed_while_nobody_watched_is_missed() -> None:
    hub, recorder = watched()
    write(hub, 11)
    hub.tracer = None
    write(hub, 12)
    hub.tracer = recorder
    recorder.begin()
    write(hub, 13)
    missed, traces = Reader(recorder, Filter(), since=Version(11)).take()
    assert missed == between(None, 11, 12)
    assert [int(each.version, 16) for each in traces] == [13]
