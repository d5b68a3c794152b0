"""Spans of OpenTelemetry: of each request, and of each change, once nothing more comes of it.

Those of changes are made of the recorded traces, after the fact: the hub knows nothing of them.
What a span says is what `/metrics` may say, of one request or change: no user, no document, no
address, no text that anybody sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from opentelemetry import propagate
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context, use_span

from sessionwire.auth.reading import VERSION_HEADER
from sessionwire.context import REQUEST
from sessionwire.model import format_version
from sessionwire.release import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from sessionwire.model import Version
    from sessionwire.observing.observation import Observation
    from sessionwire.observing.recorder import Recorder
    from sessionwire.observing.trace import Delivered, Trace

__all__ = ["ChangeSpans", "RequestSpans", "tracer_of"]

_LOOK = 0.25
_SETTLED = 0.5
"""Seconds without news after which a change is told; who acknowledges later is not in it."""
_GIVEN_UP = 30.0
_PENDING = 5_000
_CHILDREN = 20
"""Of a kind, for one change; their numbers are attributes of the change."""
_WRITES = 1_000
_VERSION = VERSION_HEADER.lower().encode()


class Answered(Protocol):
    """The start of an answer, as far as there is one; status 0 before."""

    status: int
    headers: list[tuple[bytes, bytes]]


def tracer_of(provider: TracerProvider) -> Tracer:
    return provider.get_tracer("sessionwire", __version__)


class RequestSpans:
    """One span for each HTTP request, which goes on where its `traceparent` says.

    It remembers the newest writes: the change that comes of one is linked to it.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._writes: OrderedDict[str, SpanContext] = OrderedDict()

    @contextlib.contextmanager
    def request(
        self, scope: Mapping[str, Any], method: str, route: str, answered: Answered
    ) -> Iterator[None]:
        """The span of what is done inside the block; `answered` is filled meanwhile."""
        span = self._tracer.start_span(
            f"{method} {route}",
            context=_continued(scope["headers"]),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": method if method != "other" else "_OTHER",
                "http.route": route,
                "url.scheme": scope.get("scheme", "http"),
                "sessionwire.request": REQUEST.get(),
            },
        )
        inside = use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        )
        with inside:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)  # its text may be a secret
                raise
            finally:
                self._answered(span, method, answered)

    def _answered(self, span: Span, method: str, answered: Answered) -> None:
        if answered.status:
            span.set_attribute("http.response.status_code", answered.status)
        if answered.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        if method == "POST" and span.is_recording():
            for name, value in answered.headers:
                if name.lower() == _VERSION:
                    self._remember(value.decode(), span.get_span_context())

    def _remember(self, version: str, context: SpanContext) -> None:
        self._writes[version] = context
        while len(self._writes) > _WRITES:
            self._writes.popitem(last=False)

    def write_of(self, version: Version) -> SpanContext | None:
        """The request that wrote what became true at the version, if it was one of ours."""
        return self._writes.get(format_version(version))


class ChangeSpans:
    """Watches an observation, as anybody who watches, and tells each change that concerns somebody.

    A change that no query reads makes no span: a bulk import is not worth a million of them.
    """

    def __init__(
        self,
        tracer: Tracer,
        *,
        write_of: Callable[[Version], SpanContext | None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tracer = tracer
        self._write_of = write_of
        self._clock = clock
        self._pending: dict[Version, Trace] = {}
        self._seen = 0

    async def run(self, observation: Observation) -> None:
        """Until cancelled; then what is still under way is told as it is."""
        with observation.watching(_nothing) as recorder:
            self._seen = recorder.revision
            try:
                while True:
                    await asyncio.sleep(_LOOK)
                    self.look(recorder)
            finally:
                for trace in self._pending.values():
                    self._tell(trace)

    def look(self, recorder: Recorder) -> None:
        """Tell what came to its end since the last look."""
        for trace in recorder.since(self._seen):
            self._seen = trace.revision
            if trace.resync or trace.outcomes["affected"]:
                self._pending[trace.version] = trace
        now = self._clock()
        settled = [each for each in self._pending.values() if _is_over(each, now=now)]
        beyond = list(self._pending.values())[: max(0, len(self._pending) - _PENDING)]
        for trace in dict.fromkeys((*settled, *beyond)):
            del self._pending[trace.version]
            self._tell(trace)

    def _tell(self, trace: Trace) -> None:
        began = min(filter(None, (trace.wall, trace.received)))
        write = self._write_of(trace.version)
        span = self._tracer.start_span(
            "resync" if trace.resync else "change",
            kind=SpanKind.CONSUMER,
            start_time=_nanoseconds(began),
            links=() if write is None else (Link(write),),
            attributes=_attributes(trace),
        )
        if span.is_recording():
            inside = set_span_in_context(span)
            for name, first, last, attributes in _steps(trace):
                self._step(inside, trace, name, (first, last), attributes)
        span.end(max(_nanoseconds(began), _at(trace, trace.last_at)))

    def _step(
        self,
        inside: Context,
        trace: Trace,
        name: str,
        times: tuple[float, float],
        attributes: Mapping[str, AttributeValue],
    ) -> None:
        first, last = times
        step = self._tracer.start_span(
            name, context=inside, start_time=_at(trace, first), attributes=attributes
        )
        step.end(_at(trace, last))


def _steps(
    trace: Trace,
) -> Iterator[tuple[str, float, float, Mapping[str, AttributeValue]]]:
    """Name, first and last moment, and what is said of it."""
    received = trace.received_at
    if trace.wall is not None:
        lag = max(0.0, (trace.received - trace.wall).total_seconds())
        yield "receive", received - lag, received, {}
    yield "apply", received, trace.applied_at, {"sessionwire.documents": trace.held}
    for viewed in list(trace.views.values())[:_CHILDREN]:
        if viewed.at is not None:
            said = {"sessionwire.query": viewed.query, "sessionwire.outcome": str(viewed.outcome)}
            yield "recompute", trace.applied_at, viewed.at, said
    for delivered in trace.deliveries[:_CHILDREN]:
        yield "deliver", delivered.offered_at, _last_of(trace, delivered), _said_of(delivered)


def _last_of(trace: Trace, delivered: Delivered) -> float:
    known = (delivered.acknowledged_at, delivered.written_at)
    return next((each for each in known if each is not None), trace.last_at)


def _said_of(delivered: Delivered) -> Mapping[str, AttributeValue]:
    said = {
        "sessionwire.query": delivered.query,
        "sessionwire.connection": delivered.connection,
        "sessionwire.state": delivered.state,
    }
    if delivered.reason is not None:
        said["sessionwire.reason"] = delivered.reason
    return said


def _attributes(trace: Trace) -> dict[str, AttributeValue]:
    counts = {f"sessionwire.views.{name}": number for name, number in trace.outcomes.items()}
    counts |= {f"sessionwire.deliveries.{name}": number for name, number in (+trace.states).items()}
    return {
        "sessionwire.version": format_version(trace.version),
        "sessionwire.collections": sorted({each.collection for each in trace.changes}),
        "sessionwire.operations": sorted({each.operation for each in trace.changes}),
        "sessionwire.stop": trace.stop,
        **counts,
    }


def _is_over(trace: Trace, *, now: float) -> bool:
    silence = now - trace.last_at
    if trace.stop in ("waiting", "loading"):
        return silence > _GIVEN_UP
    return silence > _SETTLED


def _at(trace: Trace, moment: float) -> int:
    """A moment of the trace's clock in nanoseconds of Unix time."""
    return _nanoseconds(trace.received) + int((moment - trace.received_at) * 1e9)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6) * 1_000


def _continued(headers: Iterable[tuple[bytes, bytes]]) -> Context:
    """What `OTEL_PROPAGATORS` make of the headers: by default W3C's traceparent and baggage."""
    return propagate.extract({name.decode("latin-1"): v.decode("latin-1") for name, v in headers})


def _nothing() -> None:
    """It looks by itself."""
