"""What `/metrics` says of a running server, as Prometheus reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from support.edge import edge
from support.raw import UPGRADE, ask, request
from support.scraping import OPENMETRICS, number, parsed, scrape, scraped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from support.edge import Edge
    from support.server import Running

SECRET = "W3bh00k-Zt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
NAMES = re.compile(r"(sessionwire|process|python)_[a-z_]+|sessionwire")
LAG = "sessionwire_stream_lag_seconds"
UNITS = ("seconds", "bytes")
NOT_BASE_UNITS = re.compile("milliseconds|_ms|minutes|hours|kilobytes|percent")


@pytest.fixture(scope="module")
async def full(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    """A server with everything that has numbers."""
    webhook = {"webhook_url": "http://127.0.0.1:9/", "webhook_secret": SecretStr(SECRET)}
    async with edge(mongo, rate_limit=True, **webhook) as running:
        yield running


@pytest.mark.parametrize("accept", [OPENMETRICS, "text/plain;version=0.0.4", "*/*", ""])
async def test_both_formats_are_what_prometheus_reads(full: Edge, accept: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{full.address}/metrics", headers={"accept": accept})
    kind = answer.headers["content-type"]
    wanted = "application/openmetrics-text" if accept == OPENMETRICS else "text/plain"
    assert kind.startswith(wanted) and answer.headers["cache-control"] == "no-store"
    assert "sessionwire_frames" in {each.name for each in parsed(answer)}


async def test_names_follow_the_conventions_of_prometheus(full: Edge) -> None:
    for name, family in (await scrape(full.address)).items():
        assert NAMES.fullmatch(name), name
        assert not NOT_BASE_UNITS.search(name), name
        assert family.documentation.endswith(".") or not name.startswith("sessionwire"), name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket")), name
        if family.type == "histogram":
            assert name.endswith(UNITS), name
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name == f"{name}_total", sample


async def test_a_histogram_ends_with_all_that_were_counted(full: Edge) -> None:
    families = await scrape(full.address)
    family = families["sessionwire_http_request_duration_seconds"]
    route = {"method": "GET", "route": "/metrics"}
    buckets = [
        each.value
        for each in family.samples
        if each.name.endswith("_bucket") and route.items() <= each.labels.items()
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == number(families, f"{family.name}_count", **route) > 0


async def test_what_is_asked_adds_no_series_of_its_own(full: Edge) -> None:
    before = await scrape(full.address)
    async with httpx.AsyncClient(base_url=full.address) as http:
        for number_ in range(20):
            await http.get(f"/nowhere/{number_}")
            await http.get(f"/api/auth/callback/provider-{number_}")
            await http.request(f"MADEUP{number_}", "/api/auth/ok")
    after = await scrape(full.address)
    name = "sessionwire_http_requests"
    new = {tuple(sorted(each.labels.items())) for each in after[name].samples} - {
        tuple(sorted(each.labels.items())) for each in before[name].samples
    }
    assert len(new) <= 5, new
    routes = {dict(each)["route"] for each in new}
    assert routes <= {"other", "/api/auth/callback/{provider}", "/api/auth/ok", "/metrics"}


async def test_requests_count_by_route_and_status(full: Edge) -> None:
    where = {"method": "GET", "route": "/api/auth/get-session"}
    name = "sessionwire_http_requests_total"
    before = number(await scrape(full.address), name, status="200", **where)
    async with full.server.http() as http:
        for _ in range(3):
            assert (await http.get("/api/auth/get-session")).status_code == 200
    assert number(await scrape(full.address), name, status="200", **where) == before + 3


async def test_sign_ins_count_by_outcome(full: Edge) -> None:
    await full.server.sign_up("Outcome")
    async with full.server.http() as http:
        body = {"email": "outcome@example.com", "password": "wrong password"}
        assert (await http.post("/api/auth/sign-in/email", json=body)).status_code == 401
        back = await http.get("/api/auth/callback/google?error=canary&state=nothing")
        assert back.status_code == 302
    families = await scrape(full.address)
    name = "sessionwire_sign_ins_total"
    assert number(families, name, outcome="signed_in") >= 1
    assert number(families, name, outcome="INVALID_EMAIL_OR_PASSWORD") >= 1
    assert number(families, name, outcome="state_mismatch") >= 1
    assert number(families, "sessionwire_events_total", kind="signed_in") >= 1


async def test_what_is_slowed_down_counts_by_limit(full: Edge) -> None:
    async with full.server.http() as http:
        body = {"email": "nobody@example.com", "password": "wrong password"}
        statuses = [
            (await http.post("/api/auth/sign-in/email", json=body)).status_code for _ in range(12)
        ]
    assert statuses[-1] == 429
    families = await scrape(full.address)
    assert number(families, "sessionwire_rate_limited_total", limit="credentials") >= 1


async def test_handshakes_that_are_refused_count_by_code(full: Edge) -> None:
    evil = [*UPGRADE.items(), ("Origin", "https://elsewhere.test")]
    await ask(full.address, request("/live", *evil))
    families = await scrape(full.address)
    assert number(families, "sessionwire_handshakes_refused_total", code="INVALID_ORIGIN") >= 1


async def test_a_change_counts_on_its_way_to_the_frame(server: Running) -> None:
    http = await server.sign_up()
    live = await server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    before = await scrape(server.address)
    await http.post("/api/auth/update-user", json={"name": "Other"})
    await live.until_shown(1, lambda data: data["user"]["name"] == "Other")
    after = await scrape(server.address)
    for name in ("stream_changes", "recomputations", "frames", "results", "frame_bytes"):
        total = f"sessionwire_{name}_total"
        assert number(after, total) > number(before, total), name
    shown = "sessionwire_write_to_frame_seconds_count"
    assert number(after, shown) > number(before, shown)
    assert number(after, "sessionwire_connections") == 1


async def test_a_change_that_needs_a_load_counts_from_its_write(server: Running) -> None:
    """Another organization is not held: its documents are read before the frame is made."""
    http = await server.sign_up()
    body = {"name": "Second", "slug": "second", "keepCurrentActiveOrganization": True}
    second = (await http.post("/api/auth/organization/create", json=body)).json()["id"]
    live = await server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    before = await scrape(server.address)
    await http.post("/api/auth/organization/set-active", json={"organizationId": second})
    await live.until_shown(1, lambda data: data["organization"]["id"] == second)
    after = await scrape(server.address)
    assert number(after, "sessionwire_reads_total") > number(before, "sessionwire_reads_total")
    shown = "sessionwire_write_to_frame_seconds_count"
    assert number(after, shown) == number(before, shown) + 1


async def test_an_ended_session_counts_to_its_goodbye(server: Running) -> None:
    http = await server.sign_up()
    live = await server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    await http.post("/api/auth/sign-out", json={})
    await live.until(lambda frame: frame["op"] == "bye")
    families = await scrape(server.address)
    assert number(families, "sessionwire_write_to_close_seconds_count") == 1
    assert number(families, "sessionwire_connections_ended_total", reason="signed_out") == 1


async def test_no_label_tells_whom_it_is_about(full: Edge) -> None:
    http = await full.server.sign_up("Canary")
    who = (await http.get("/api/auth/get-session")).json()
    live = await full.server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    await http.get("/sessionwire-canary?token=canary", headers={"user-agent": "canary"})
    await http.post("/api/auth/update-user", json={"name": "Canary 2"})
    async with httpx.AsyncClient() as other:
        text = (await other.get(f"{full.address}/metrics")).text
    ids = (who["user"]["id"], who["session"]["id"], who["user"]["activeOrganizationId"])
    cookies = [each.value or "none" for each in http.cookies.jar]
    for secret in ("canary", "Canary", "127.0.0.1", "example.com", *ids, *cookies):
        assert secret not in text, secret


async def test_the_backlog_of_the_webhook_is_that_of_the_database(full: Edge) -> None:
    http = await full.server.sign_up("Backlog")  # a session's end is worth an event
    await http.post("/api/auth/sign-out", json={})
    families = await scrape(full.address)
    waiting = await full.store.count("sessionEvent", {})
    assert number(families, "sessionwire_webhook_backlog") == waiting > 0
    tries = "sessionwire_webhook_deliveries_total"
    await scraped(full.address, lambda found: number(found, tries, outcome="failed") > 0)


async def test_a_quiet_stream_is_not_behind(server: Running) -> None:
    await server.sign_up()
    found = await scraped(server.address, lambda found: number(found, LAG) == 0)
    assert number(found, "sessionwire_stream_live") == 1
