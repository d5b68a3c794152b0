"""`/health/live` and `/health/ready`: what an orchestrator and a load balancer ask."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from sessionwire import SessionWire
from sessionwire.settings import load_settings
from support.following import stopped
from support.process import serve
from support.raw import UPGRADE, ask, refusal, request
from support.scraping import number, scrape, scraped
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo
    from support.server import Running

PATHS = ("/health/live", "/health/ready")
SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
LAG = "sessionwire_stream_lag_seconds"
STALE_AFTER = 1.0


@pytest.fixture(scope="module")
async def public(mongo: EmbeddedMongo) -> AsyncIterator[Running]:
    """A server in production that knows its name, behind a proxy that speaks https."""
    loaded = load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
        environment="production",
        base_url="https://app.example.com",
        allowed_hosts=("app.example.com",),
    )
    async with run_server(loaded, wire=SessionWire(loaded)) as running:
        yield running
        await running.wire.relay._store.client.drop_database(loaded.database)


async def test_a_server_that_follows_its_database_is_live_and_ready(server: Running) -> None:
    async with server.http() as http:
        for path, said in zip(PATHS, ("live", "ready"), strict=True):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": said})
            assert answer.headers["cache-control"] == "no-store"


async def test_health_says_nothing_else_and_asks_nobody_who_they_are(public: Running) -> None:
    for path in PATHS:
        answer = await ask(public.address, request(path, host="app.example.com"))
        assert answer is not None and answer.status == 200
        assert len(answer.body) < 30 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [*PATHS, "/api/auth/ok"])
@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:9000", "[::1]", "10.0.3.7:8000", "[fd00::7]:8000"]
)
async def test_probes_know_addresses_and_no_names(public: Running, path: str, host: str) -> None:
    answer = await ask(public.address, request(path, host=host))
    assert answer is not None and answer.status == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "10.0.3.7.evil.test", "1.2.3", "10.0.3.7:", "[fd00::7", "0x7f.0.0.1", ""]
)
async def test_another_name_is_misdirected_also_here(public: Running, host: str) -> None:
    for path in (*PATHS, "/metrics", "/api/auth/ok"):
        answer = await ask(public.address, request(path, host=host))
        assert refusal(answer) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize("host", ["localhost", "10.0.3.7:8000"])
@pytest.mark.parametrize(
    "path", ["/", "/health", "/health/live/", "/metrics/", "/inspector/process", "/live"]
)
async def test_an_address_opens_nothing_else(public: Running, host: str, path: str) -> None:
    answer = await ask(public.address, request(path, host=host))
    assert refusal(answer) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.3.7:8000", "app.example.com"])
async def test_metrics_are_not_for_everybody_in_production(public: Running, host: str) -> None:
    answer = await ask(public.address, request("/metrics", host=host))
    assert refusal(answer) == (401, "UNAUTHORIZED")


async def test_health_of_better_auth_stays_what_it_is(server: Running) -> None:
    async with server.http() as http:
        answer = await http.get("/api/auth/ok")
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


async def test_only_a_get_asks_for_health(server: Running) -> None:
    async with server.http() as http:
        assert (await http.post("/health/live")).status_code == 405
        assert (await http.head("/health/ready")).status_code == 200


async def test_with_mongodb_hanging_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", limits__max_staleness=str(STALE_AFTER)) as served:
        (mongod,) = served.mongods()
        async with httpx.AsyncClient(base_url=served.address) as http:
            with stopped(mongod.pid):
                began = time.monotonic()
                stale = await _until(http, 503)
                took = time.monotonic() - began
                assert stale.json() == {"status": "stale"} and stale.headers["retry-after"] == "1"
                assert took < STALE_AFTER + 5.0  # the bound, a look, and a slow machine
                assert (await http.get("/health/live")).status_code == 200
                found = await scrape(served.address)
                assert number(found, "sessionwire_ready") == 0
                lag = number(found, LAG)
                assert lag > STALE_AFTER
                await scraped(served.address, lambda found: number(found, LAG) > lag)
            assert (await _until(http, 200)).json() == {"status": "ready"}
        await scraped(served.address, lambda found: number(found, LAG) == 0)


async def test_a_server_that_stops_takes_nobody_while_its_sockets_drain(tmp_path: Path) -> None:
    async with serve(tmp_path / "data") as served:
        stubborn = await _handshake(served.address)  # never answers a close: 2 seconds to drain
        async with httpx.AsyncClient(base_url=served.address) as kept:
            assert (await kept.get("/health/ready")).status_code == 200
            served.process.send_signal(signal.SIGTERM)
            seen = []
            async with asyncio.timeout(20):
                while served.process.poll() is None:
                    seen.append(await _readiness(kept))
                    await asyncio.sleep(0.02)
        first = next(number for number, each in enumerate(seen) if each != 200)
        assert len(seen) - first > 10 and set(seen[first:]) <= {503, None}
        stubborn.close()
    assert served.process.returncode == 0


async def _handshake(address: str) -> asyncio.StreamWriter:
    """A live connection whose peer says nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(request("/live", *UPGRADE.items(), ("Origin", address)))
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    return writer


async def _readiness(http: httpx.AsyncClient) -> int | None:
    """None when there is no connection to be had."""
    try:
        return (await http.get("/health/ready")).status_code
    except httpx.TransportError:
        return None


async def _until(http: httpx.AsyncClient, status: int) -> httpx.Response:
    async with asyncio.timeout(20):
        while (answer := await http.get("/health/ready")).status_code != status:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return answer
