"""Who may watch, and who may not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from sessionwire.app import SessionWire
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

TOKEN = "wR8mK3xQ7nVt2Lp9Zs4Yc6Bf1Hd5Ga0J"
PATHS = ["/inspector/process", "/inspector/connections", "/inspector/traces", "/metrics"]


@contextlib.asynccontextmanager
async def production(settings: Settings) -> AsyncIterator[Running]:
    """As in production, but for the https that a loopback test has not."""
    wire = SessionWire(settings)
    token = SecretStr(TOKEN)
    public = settings.model_copy(update={"environment": "production", "admin_token": token})
    async with run_server(public, wire=wire) as server:
        yield server


async def asked(
    server: Running,
    path: str,
    http: httpx.AsyncClient | None = None,
    headers: Mapping[str, str | bytes] | None = None,
) -> httpx.Response:
    if http is not None:
        return await http.get(path, headers=_raw(headers))
    async with httpx.AsyncClient(base_url=server.address) as stranger:
        return await stranger.get(path, headers=_raw(headers))


@pytest.mark.parametrize("path", PATHS)
async def test_in_production_nobody_watches_without_being_known(
    settings: Settings, store: Store, path: str
) -> None:
    async with production(settings) as server:
        stranger = await asked(server, path)
        assert stranger.status_code == 401 and stranger.json()["code"] == "UNAUTHORIZED"
        assert stranger.headers["cache-control"] == "no-store"
        for wrong in (f"Bearer {TOKEN[:-1]}", "Bearer", f"Basic {TOKEN}", "Bearer \xe9"):
            answer = await asked(server, path, headers={"authorization": wrong.encode("latin-1")})
            assert answer.status_code == 401, wrong
        bearer = await asked(server, path, headers={"authorization": f"Bearer {TOKEN}"})
        assert bearer.status_code == 200


async def test_an_administrator_may_watch_and_only_while_they_are_one(
    settings: Settings, store: Store
) -> None:
    async with production(settings) as server:
        http = await server.sign_up()
        refused = await asked(server, PATHS[0], http)
        assert refused.status_code == 403 and refused.json()["code"] == "FORBIDDEN"
        await appoint(server, store, "user,admin")
        assert (await asked(server, PATHS[0], http)).status_code == 200
        await appoint(server, store, "user")
        assert (await asked(server, PATHS[0], http)).status_code == 403


async def appoint(server: Running, store: Store, role: str) -> None:
    """Another program writes the role; it is waited for until the server has seen it."""
    async with store.writing() as writing:
        await writing.update_one("user", {}, {"$set": {"role": role}})
    await server.wire.relay.until(writing.version)


async def test_another_sites_page_may_not_watch_in_an_administrators_name(
    settings: Settings, store: Store
) -> None:
    async with production(settings) as server:
        http = await server.sign_up()
        await appoint(server, store, "admin")
        for site in ("cross-site", "same-site"):
            fetched = {"sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
            answer = await asked(server, PATHS[0], http, fetched)
            assert answer.status_code == 403, site


async def test_in_development_this_machine_may_watch(server: Running) -> None:
    assert (await asked(server, PATHS[0])).status_code == 200
    port = server.address.rpartition(":")[2]
    rebound = await asked(server, PATHS[0], headers={"host": f"evil.example:{port}"})
    assert rebound.status_code == 401, "a name that another site has given to this machine"
    elsewhere = await asked(server, PATHS[0], headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403


async def test_it_can_be_left_out(settings: Settings, store: Store) -> None:
    wire = SessionWire(settings.model_copy(update={"inspector": False}))
    async with run_server(wire.settings, wire=wire) as server:
        assert (await asked(server, PATHS[0])).status_code == 404
        assert (await asked(server, "/metrics")).status_code == 200


def _raw(headers: Mapping[str, str | bytes] | None) -> dict[bytes, bytes]:
    pairs = (headers or {}).items()
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in pairs
    }
