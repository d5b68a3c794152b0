"""The numbers of one process in Prometheus' words; read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from sessionwire.gateways.operations.families import counter, counters, gauge, histogram, histograms

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from sessionwire.auth.events import Events
    from sessionwire.auth.throttle import Throttle
    from sessionwire.gateways.operations.pulse import Pulse
    from sessionwire.gateways.operations.requests import Requests
    from sessionwire.mail.postman import Postman
    from sessionwire.observing.observation import Observation
    from sessionwire.relay import Relay
    from sessionwire.webhook.delivery import Delivery

__all__ = ["Sources", "registry_of"]


@dataclass(slots=True, kw_only=True)
class Sources:
    """Who keeps the numbers of a server."""

    software: str
    started: datetime
    relay: Relay
    ready: Callable[[], bool]
    observation: Observation
    events: Events
    throttle: Throttle
    handshakes: Counter[str]
    """Those that were refused, by code."""
    postman: Postman
    webhook: Delivery | None
    pulse: Pulse
    requests: Requests | None = None
    backlog: int | None = None
    """Events in the outbox, when somebody looked last."""


def registry_of(sources: Sources) -> CollectorRegistry:
    """What `/metrics` shows: the server, and the Python process."""
    registry = CollectorRegistry()
    registry.register(_Server(sources))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class _Server(Collector):
    """Turns the numbers that the rooms keep anyway into metrics; it counts nothing itself."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        yield from self._process()
        yield from self._stream()
        yield from self._work()
        yield from self._connections()
        yield from self._requests()
        yield from self._mail_and_events()

    def _process(self) -> Iterator[Metric]:
        sources = self._sources
        yield InfoMetricFamily("sessionwire", "This server.", value={"version": sources.software})
        started = sources.started.timestamp()
        yield gauge("start_time_seconds", "When the server started, in Unix time.", started)
        yield gauge("ready", "1 while new connections may be sent here.", sources.ready())
        yield gauge("watchers", "Who watches: changes are traced.", sources.observation.watchers)
        late = "By how much the event loop was late for a timer."
        yield histogram("event_loop_lag_seconds", late, sources.pulse.lateness)

    def _stream(self) -> Iterator[Metric]:
        relay, tally = self._sources.relay, self._sources.relay.hub.tally
        yield gauge("stream_live", "1 while the change stream is followed.", relay.live)
        yield gauge(
            "stream_silence_seconds", "Since the stream last said anything.", relay.stale_for
        )
        yield gauge(
            "stream_lag_seconds",
            "How far what is shown is behind MongoDB, by the two clocks; 0: nothing is missing.",
            relay.lag,
        )
        yield gauge(
            "stream_position_timestamp_seconds",
            "The time of the database that everything shown is of, in Unix time.",
            relay.hub.position >> 32,
        )
        yield counter("stream_groups", "Writes and transactions seen.", tally.groups)
        yield counter("stream_changes", "Changes of documents seen.", tally.changes)
        yield counter("stream_losses", "Times that the stream broke.", relay.losses)
        yield counter("resyncs", "Times that everything was loaded anew.", relay.hub.restarts)

    def _work(self) -> Iterator[Metric]:
        hub = self._sources.relay.hub
        tally = hub.tally
        yield counter("recomputations", "Evaluations of queries.", tally.recomputed)
        yield counter("suppressed", "Recomputations that gave the same value.", tally.suppressed)
        yield counter("coalesced", "Results replaced before they were sent.", tally.coalesced)
        reads = self._sources.relay.loads
        yield counter("reads", "Reads from MongoDB for what was not held.", reads)
        yield histogram("load_seconds", "Snapshot reads.", tally.loads)
        yield gauge("held_documents", "Documents and sets in the replica.", hub.replica.size)
        yield gauge("watches", "Results that are kept current.", hub.watches)

    def _connections(self) -> Iterator[Metric]:
        hub = self._sources.relay.hub
        tally = hub.tally
        yield gauge("connections", "Live connections, waiting polls included.", hub.connections)
        yield counter("frames", "Frames with results.", tally.frames)
        yield counter("results", "Results in them.", tally.results)
        yield counter("frame_bytes", "Bytes of these frames.", tally.bytes)
        yield counters(
            "connections_ended",
            "Connections that the server ended, by the reason that it gave.",
            "reason",
            tally.ended,
        )
        yield counters(
            "handshakes_refused",
            "Handshakes and polls that were refused, by the code of the answer.",
            "code",
            self._sources.handshakes,
        )
        yield histogram(
            "write_to_frame_seconds",
            "From MongoDB's clock at a write to the frame that shows it.",
            tally.write_to_frame,
        )
        yield histogram(
            "write_to_close_seconds",
            "From MongoDB's clock at the end of a session to the goodbye of its connections.",
            tally.write_to_close,
        )

    def _requests(self) -> Iterator[Metric]:
        requests, events = self._sources.requests, self._sources.events
        if requests is not None:
            answered = CounterMetricFamily(
                "sessionwire_http_requests",
                "HTTP requests, by method, route and status (499: the peer left).",
                labels=["method", "route", "status"],
            )
            for (method, route, status), number in sorted(requests.counts.items()):
                answered.add_metric([method, route, str(status)], number)
            yield answered
            yield histograms(
                "http_request_duration_seconds",
                "From the head of a request to the end of its answer.",
                ["method", "route"],
                requests.durations,
            )
        outcomes = {**events.refused, "signed_in": events.told["signed_in"]}
        yield counters(
            "sign_ins", "Sign-ins: `signed_in`, or why not, as a code.", "outcome", outcomes
        )
        yield counters(
            "rate_limited",
            "What was refused because it came too often, by the class of the limit.",
            "limit",
            self._sources.throttle.refused,
        )

    def _mail_and_events(self) -> Iterator[Metric]:
        sources = self._sources
        yield counters("events", "Security events, by kind.", "kind", sources.events.told)
        yield counters("mails", "Mails, by what became of them.", "outcome", sources.postman.ended)
        yield gauge("mails_waiting", "Mails still to be sent.", sources.postman.waiting)
        if sources.webhook is not None:
            yield counters(
                "webhook_deliveries",
                "Tries to deliver an event, by what became of them.",
                "outcome",
                sources.webhook.ended,
            )
        if sources.backlog is not None:
            yield gauge(
                "webhook_backlog",
                "Events that wait for the webhook, in the database: the same in every process.",
                sources.backlog,
            )
