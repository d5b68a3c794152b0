"""The numbers of one process in Prometheus' words; read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from sessionwire.reactive.tally import Histogram
    from sessionwire.relay import Relay

__all__ = ["registry_of"]


def registry_of(relay: Relay, *, software: str) -> CollectorRegistry:
    """What `/metrics` shows: the relay, and the Python process."""
    registry = CollectorRegistry()
    registry.register(_Wire(relay, software))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class _Wire(Collector):
    """Turns the numbers that the hub keeps anyway into metrics; it counts nothing itself."""

    def __init__(self, relay: Relay, software: str) -> None:
        self._relay = relay
        self._software = software

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("sessionwire", "This server.", value={"version": self._software})
        yield from self._stream()
        yield from self._work()
        yield from self._connections()

    def _stream(self) -> Iterator[Metric]:
        relay, tally = self._relay, self._relay.hub.tally
        yield _gauge("stream_live", "1 while the change stream is followed.", relay.live)
        yield _gauge(
            "stream_silence_seconds", "Since the stream last said anything.", relay.stale_for
        )
        yield _gauge(
            "stream_position_seconds",
            "The time of the database that everything shown is of, in Unix time.",
            relay.hub.position >> 32,
        )
        yield _counter("stream_groups", "Writes and transactions seen.", tally.groups)
        yield _counter("stream_changes", "Changes of documents seen.", tally.changes)
        yield _counter("stream_losses", "Times that the stream broke.", relay.losses)
        yield _counter("resyncs", "Times that everything was loaded anew.", relay.hub.restarts)

    def _work(self) -> Iterator[Metric]:
        hub = self._relay.hub
        tally = hub.tally
        yield _counter("recomputations", "Evaluations of queries.", tally.recomputed)
        yield _counter("suppressed", "Recomputations that gave the same value.", tally.suppressed)
        yield _counter("coalesced", "Results replaced before they were sent.", tally.coalesced)
        yield _counter("reads", "Reads from MongoDB for what was not held.", self._relay.loads)
        yield _histogram("load_seconds", "Snapshot reads.", tally.loads)
        yield _gauge("held_documents", "Documents and sets in the replica.", hub.replica.size)
        yield _gauge("watches", "Results that are kept current.", hub.watches)

    def _connections(self) -> Iterator[Metric]:
        hub = self._relay.hub
        tally = hub.tally
        yield _gauge("connections", "Live connections, waiting polls included.", hub.connections)
        yield _counter("frames", "Frames with results.", tally.frames)
        yield _counter("results", "Results in them.", tally.results)
        yield _counter("frame_bytes", "Bytes of these frames.", tally.bytes)
        ended = CounterMetricFamily(
            "sessionwire_connections_ended",
            "Connections that the server ended, by the reason that it gave.",
            labels=["reason"],
        )
        for reason, number in sorted(tally.ended.items()):
            ended.add_metric([reason], number)
        yield ended
        yield _histogram(
            "write_to_frame_seconds",
            "From MongoDB's clock at a write to the frame that shows it.",
            tally.write_to_frame,
        )
        yield _histogram(
            "write_to_close_seconds",
            "From MongoDB's clock at the end of a session to the goodbye of its connections.",
            tally.write_to_close,
        )


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sessionwire_{name}", said, value=float(value))


def _counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(f"sessionwire_{name}", said, value=float(value))


def _histogram(name: str, said: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(f"sessionwire_{name}", said)
    reached, buckets = 0, []
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        reached += count
        buckets.append((str(bound), reached))
    family.add_metric([], buckets, sum_value=histogram.total)
    return family
