"""Spans as the SDK of OpenTelemetry gets them, of a running server."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from sessionwire import SessionWire
from sessionwire.errors import StartupError
from sessionwire.observing.exporting import provider_of
from sessionwire.observing.observation import Observation
from sessionwire.observing.spans import ChangeSpans, tracer_of
from support.edge import edge
from support.process import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.sdk.trace import ReadableSpan

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge
    from support.server import LiveClient

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Told(InMemorySpanExporter):
    """What was told so far; a process has one provider, so all tests of this file share it."""

    def named(self, name: str) -> list[ReadableSpan]:
        return [each for each in self.get_finished_spans() if each.name == name]

    def inside(self, span: ReadableSpan) -> list[ReadableSpan]:
        """Its children, in the order of their beginnings."""
        assert span.context is not None
        parent = span.context.span_id
        found = [each for each in self.get_finished_spans() if _parent(each) == parent]
        return sorted(found, key=lambda each: each.start_time or 0)


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def change_to(told: Told, *collections: str) -> list[ReadableSpan]:
    return [
        each
        for each in told.named("change")
        if each.attributes and each.attributes["sessionwire.collections"] == collections
    ]


@pytest.fixture(scope="module")
def exporter() -> Told:
    """The application's own provider, as it would set it."""
    told, provider = Told(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(told))
    api.set_tracer_provider(provider)
    return told


@pytest.fixture
def told(exporter: Told) -> Told:
    exporter.clear()
    return exporter


@pytest.fixture(scope="module")
async def traced(mongo: EmbeddedMongo, exporter: Told) -> AsyncIterator[Edge]:
    async with edge(mongo, opentelemetry=True, rate_limit=False) as running:
        yield running


async def watching(traced: Edge, name: str) -> tuple[LiveClient, dict[str, str]]:
    """A live client that shows its session, and the headers of its HTTP requests."""
    http = await traced.server.sign_up(name)
    live = await traced.server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    await live.send(op="ack", version=live.version)  # whoever owes one is not asked again
    cookies = "; ".join(f"{each.name}={each.value}" for each in http.cookies.jar)
    return live, {"cookie": cookies, "origin": traced.address}


async def test_a_request_goes_on_where_its_traceparent_says(traced: Edge, told: Told) -> None:
    async with traced.server.http() as http:
        answer = await http.get(
            "/api/auth/get-session", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
        )
        await http.get("/nowhere/canary?token=canary", headers={"traceparent": "nonsense"})
    (span,) = told.named("GET /api/auth/get-session")
    assert span.context is not None and format(span.context.trace_id, "032x") == TRACE
    assert _parent(span) == int(PARENT, 16) and span.kind is SpanKind.SERVER
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/api/auth/get-session",
        "url.scheme": "http",
        "sessionwire.request": answer.headers["x-request-id"],
        "http.response.status_code": 200,
    }
    (other,) = told.named("GET other")
    assert other.parent is None and "canary" not in other.to_json()


async def test_a_failure_is_an_error_without_its_words(
    traced: Edge, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("sessionwire.auth.reading.SessionReader.claim", broken)
    async with traced.server.http() as http:
        assert (await http.get("/api/auth/get-session")).status_code == 500
    (span,) = told.named("GET /api/auth/get-session")
    assert span.status.status_code is StatusCode.ERROR
    assert "hunter2" not in span.to_json()


async def test_a_change_is_a_span_with_its_steps_linked_to_the_request_that_wrote_it(
    traced: Edge, told: Told
) -> None:
    live, headers = await watching(traced, "Steps")
    async with traced.server.http(headers=headers) as http:
        answer = await http.post("/api/auth/update-user", json={"name": "Canary"})
    frame = await live.until(lambda frame: frame["op"] == "update" and bool(frame.get("ack")))
    await live.send(op="ack", version=frame["version"])
    version = answer.headers["sessionwire-version"]

    def ours() -> list[ReadableSpan]:
        return [
            each
            for each in told.named("change")
            if (each.attributes or {}).get("sessionwire.version") == version
        ]

    await eventually(lambda: bool(ours()))
    (change,) = ours()
    said = dict(change.attributes or {})
    assert said["sessionwire.collections"] == ("user",)
    assert said["sessionwire.operations"] == ("update",)
    assert said["sessionwire.stop"] == "told"
    assert said["sessionwire.deliveries.acknowledged"] == 1
    (post,) = told.named("POST /api/auth/update-user")
    assert [each.context for each in change.links] == [post.context]
    steps = told.inside(change)
    assert [each.name for each in steps][:2] == ["receive", "apply"]
    assert {each.name for each in steps[2:]} == {"recompute", "deliver"}
    (delivered,) = [
        each for each in steps if (each.attributes or {}).get("sessionwire.state") == "acknowledged"
    ]
    assert (delivered.attributes or {})["sessionwire.query"] == "session"
    for step in steps:
        assert change.start_time and change.end_time and step.start_time and step.end_time
        assert change.start_time <= step.start_time <= step.end_time <= change.end_time


async def test_no_span_tells_whom_it_is_about(traced: Edge, told: Told) -> None:
    _, headers = await watching(traced, "Canaryperson")
    async with traced.server.http(headers=headers) as http:
        who = (await http.get("/api/auth/get-session")).json()
        await http.post("/api/auth/update-user", json={"name": "Canary 2"})
        await http.get("/api/auth/callback/canary?code=canary", headers={"user-agent": "canary"})
    await eventually(lambda: bool(change_to(told, "user")))
    text = "".join(each.to_json() for each in told.get_finished_spans()).lower()
    ids = (who["user"]["id"], who["session"]["id"], who["user"]["activeOrganizationId"])
    secrets = [each.partition("=")[2] for each in headers["cookie"].split("; ")]
    for secret in ("canary", "127.0.0.1", "example.com", *ids, *secrets):
        assert secret.lower() not in text, secret


async def test_what_nobody_looks_at_is_no_span(traced: Edge, told: Told) -> None:
    async with traced.store.writing() as writing:
        for number in range(20):
            await writing.insert_one("organization", {"_id": number, "slug": f"import-{number}"})
        version = writing.version
    await traced.server.wire.relay.until(version)
    _, headers = await watching(traced, "Later")
    async with traced.server.http(headers=headers) as http:
        await http.post("/api/auth/update-user", json={"name": "Told"})
    await eventually(lambda: bool(change_to(told, "user")))
    assert not change_to(told, "organization")


async def test_who_is_not_sampled_has_no_steps(traced: Edge) -> None:
    told, provider = Told(), TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(told))
    spans = ChangeSpans(tracer_of(provider), write_of=lambda version: None)
    relay = traced.server.wire.relay
    observation = Observation(relay, traced.settings)
    with observation.watching(lambda: None) as recorder:
        relay.hub.restart(relay.hub.position)
        spans.look(recorder)
    assert not told.get_finished_spans()


def test_an_exporter_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "get_tracer_provider", api.ProxyTracerProvider)
    for name in ("nowhere", "otlp"):
        environment = {"OTEL_TRACES_EXPORTER": name, "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}
        with pytest.raises(StartupError, match=re.compile("exporter.*(nowhere|pigeon)")):
            provider_of(environment)


async def test_without_the_extra_the_start_is_refused_with_the_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for each in ("exporting", "spans"):
        monkeypatch.delitem(sys.modules, f"sessionwire.observing.{each}", raising=False)
    wire = SessionWire(settings.model_copy(update={"opentelemetry": True}))
    with pytest.raises(StartupError) as caught:
        async with wire.lifespan():
            pass
    assert caught.value.remedy == "pip install 'sessionwire[otel]'"
