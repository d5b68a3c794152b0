"""The snippets of docs/proxies.md: a session goes through the real programs."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from docs.pages import read
from docs.proxies import PAGE, PROXIES, Place, place_in, proxy, snippet, trusting
from gateways.python.site import serve_app
from sessionwire import SessionWire
from sessionwire.settings import load_settings
from support.server import PASSWORD, LiveClient

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
CALLER = "127.0.0.2"
"""Another address of this machine, to be told from the proxy's."""


class Browser:
    """Somebody at the other side of the proxy, who lies about where they are."""

    def __init__(self, place: Place, trust: ssl.SSLContext) -> None:
        self.origin = f"https://127.0.0.1:{place.https}"
        self._trust = trust
        self.http = httpx.AsyncClient(
            base_url=self.origin,
            headers={"origin": self.origin, "x-forwarded-for": "6.6.6.6"},
            transport=httpx.AsyncHTTPTransport(verify=trust, local_address=CALLER),
            timeout=20,
        )

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body)

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator[LiveClient]:
        cookies = "; ".join(f"{each.name}={each.value}" for each in self.http.cookies.jar)
        async with connect(
            self.origin.replace("https", "wss") + "/live",
            subprotocols=["sessionwire.v1"],  # type: ignore[list-item]
            origin=self.origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookies},
            local_addr=(CALLER, 0),
            ssl=self._trust,
            proxy=None,
        ) as connection:
            yield LiveClient(connection)


@contextlib.asynccontextmanager
async def behind(name: str, directory: Path, mongo: EmbeddedMongo) -> AsyncIterator[Browser]:
    """A server in production mode, and a proxy in front of it."""
    trust = trusting(directory)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = place_in(directory, upstream=listener.getsockname()[1])
        browser = Browser(place, trust)
        settings = load_settings(
            mongodb_uri=mongo.uri,
            database=f"test_{secrets.token_hex(6)}",
            secret=SECRET,
            environment="production",
            base_url=browser.origin,
            trusted_proxies=("127.0.0.1",),
        )
        async with serve_app(SessionWire(settings), settings, listener):
            async with proxy(name, place), browser.http:
                yield browser


@pytest.mark.parametrize("name", PROXIES)
async def test_a_session_goes_through_live_and_by_polling(
    name: str, mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    async with behind(name, tmp_path, mongo) as browser:
        entered = await browser.post(
            "/api/auth/sign-up/email", name="Ada", email="ada@example.com", password=PASSWORD
        )
        assert entered.status_code == 200, entered.text
        assert any(each.startswith("__Host-") for each in browser.http.cookies)
        async with browser.live() as live:
            assert live.connection.subprotocol == "sessionwire.v1"
            await live.subscribe(1, "session")
            shown = await live.until_shown(1, lambda data: data is not None)
            assert shown["session"]["ipAddress"] == CALLER
            assert (await browser.post("/api/auth/update-user", name="Ada Lovelace")).is_success
            await live.until_shown(1, lambda data: data["user"]["name"] == "Ada Lovelace")
            asked = {"subscriptions": [{"id": 1, "query": "user"}], "wait": 0}
            first = await browser.post("/live/poll", **asked)
            assert first.json()["results"][0]["data"]["name"] == "Ada Lovelace"
            held = {"id": 1, "query": "user", "tag": first.json()["results"][0]["tag"]}
            waited = await browser.post("/live/poll", subscriptions=[held], wait=1)
            assert waited.status_code == 204
            await browser.post("/api/auth/sign-out")
            bye = await live.until(lambda frame: frame["op"] == "bye")
            with pytest.raises(ConnectionClosed):
                await live.receive()
            assert (bye["reason"], live.connection.close_code) == ("signed_out", 4401)


def test_traefik_is_told_the_same() -> None:
    """It is in no package of Debian: its snippet is only read."""
    http = yaml.safe_load(snippet("yaml"))["http"]
    [router] = http["routers"].values()
    balancer = http["services"][router["service"]]["loadBalancer"]
    assert router["rule"] == "Host(`app.example.com`)"
    assert balancer["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert balancer["healthCheck"]["path"] == "/api/auth/ok"
    transport = http["serversTransports"][balancer["serversTransport"]]
    assert transport["forwardingTimeouts"]["idleConnTimeout"] == "4s"


def test_no_snippet_cuts_a_socket_between_two_pings_nor_outlives_the_server() -> None:
    idle = re.findall(
        r"(?:read_timeout|send_timeout|timeout (?:client|server|tunnel)) +(\d+)s", read(PAGE)
    )
    assert len(idle) == 5 and min(map(int, idle)) > 40
    kept = re.findall(
        r"(?:keepalive_timeout|keepalive|http-keep-alive|idleConnTimeout:) (\d)s", read(PAGE)
    )
    assert kept == ["4", "4", "4", "4"]
