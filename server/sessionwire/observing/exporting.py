"""Where spans go: to the provider that the application has set, else where `OTEL_…` says."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sessionwire.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["provider_of"]

_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_REMEDY = "Install the exporter's package, or name another in OTEL_TRACES_EXPORTER."


def provider_of(environment: Mapping[str, str] = os.environ) -> trace.TracerProvider:
    """The provider to make spans with; one that is made here is the process's from then on.

    The SDK itself reads `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_ENDPOINT`
    and the like, and sends what is left when the process ends. Raises StartupError.
    """
    current = trace.get_tracer_provider()
    if not isinstance(current, trace.ProxyTracerProvider):
        return current
    named = {} if "OTEL_SERVICE_NAME" in environment else {SERVICE_NAME: "sessionwire"}
    made = TracerProvider(resource=Resource.create(named))
    for name in environment.get("OTEL_TRACES_EXPORTER", "otlp").split(","):
        if name.strip() not in ("none", ""):
            made.add_span_processor(BatchSpanProcessor(_exporter(name.strip(), environment)))
    trace.set_tracer_provider(made)
    return made


def _exporter(name: str, environment: Mapping[str, str]) -> Any:
    """One by the name that its package gives it."""
    if name == "otlp":
        protocol = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol)
        name = _PROTOCOLS.get(protocol, protocol)
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        return found.load()()
    raise StartupError(f"No exporter of spans is called {name!r}.", remedy=_REMEDY)
