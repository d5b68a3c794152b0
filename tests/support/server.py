"""A whole server inside the test process, and clients for its two wires."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from sessionwire.app import SessionWire
from sessionwire.serving import uvicorn_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessionwire.settings import Settings

__all__ = ["LiveClient", "Running", "run_server"]

PASSWORD = "correct horse battery"


@dataclass
class Running:
    """A server that answers at `address`."""

    address: str
    wire: SessionWire
    clients: contextlib.AsyncExitStack

    def http(self, **options: Any) -> httpx.AsyncClient:
        """A browser without JavaScript: keeps cookies, names our origin."""
        headers = {"origin": self.address, **options.pop("headers", {})}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=20, **options)

    async def sign_up(self, name: str = "Alice") -> httpx.AsyncClient:
        """A new user's client, signed in; closed with the server."""
        http = await self.clients.enter_async_context(self.http())
        body = {"name": name, "email": f"{name.lower()}@example.com", "password": PASSWORD}
        response = await http.post("/api/auth/sign-up/email", json=body)
        assert response.status_code == 200, response.text
        return http

    async def sign_in(self, name: str = "Alice") -> httpx.AsyncClient:
        """Another device of a user that signed up."""
        http = await self.clients.enter_async_context(self.http())
        body = {"email": f"{name.lower()}@example.com", "password": PASSWORD}
        response = await http.post("/api/auth/sign-in/email", json=body)
        assert response.status_code == 200, response.text
        return http

    async def live(
        self, http: httpx.AsyncClient | None = None, *, cookie: str | None = None, **options: Any
    ) -> LiveClient:
        """A live connection with the cookies of `http`, or this one; closed with the server."""
        headers = {} if cookie is None else {"Cookie": cookie}
        if http is not None and http.cookies:
            pairs = (f"{each.name}={each.value}" for each in http.cookies.jar)
            headers["Cookie"] = "; ".join(pairs)
        url = self.address.replace("http://", "ws://") + "/live"
        options.setdefault("origin", self.address)
        connection = await self.clients.enter_async_context(
            connect(
                url,
                subprotocols=["sessionwire.v1"],  # type: ignore[list-item]
                additional_headers=headers,
                proxy=None,
                **options,
            )
        )
        return LiveClient(connection)


@dataclass
class LiveClient:
    """A raw client of the live wire that remembers what it was told."""

    connection: ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list)
    shows: dict[int, Any] = field(default_factory=dict)
    version: str = ""

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def subscribe(self, id: int, query: str, **more: Any) -> None:
        await self.send(op="subscribe", id=id, query=query, **more)

    async def receive(self, *, within: float = 10.0) -> dict[str, Any]:
        """The next frame. Raises ConnectionClosed after the last one."""
        async with asyncio.timeout(within):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
        self.frames.append(frame)
        if frame["op"] == "update":
            self.version = frame["version"]
            for result in frame["results"]:
                if "data" in result:
                    self.shows[result["id"]] = result["data"]
                elif "error" in result:
                    self.shows[result["id"]] = result["error"]
        return frame

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], *, within: float = 10.0
    ) -> dict[str, Any]:
        """The next frame that is wanted, whatever comes before it."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.receive(within=within)
                if wanted(frame):
                    return frame

    async def until_shown(
        self, id: int, wanted: Callable[[Any], bool], *, within: float = 10.0
    ) -> Any:
        """What the subscription shows, once it is what is wanted."""
        async with asyncio.timeout(within):
            while id not in self.shows or not wanted(self.shows[id]):
                await self.receive(within=within)
        return self.shows[id]


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn tells nobody)
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def run_server(
    settings: Settings, *, port: int = 0, wire: SessionWire | None = None
) -> AsyncIterator[Running]:
    """Serve on a loopback port until the block ends."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = settings.model_copy(update={"base_url": address})
        wire = wire or SessionWire(settings, demo=True)
        wire.settings = settings
        config = uvicorn_config(wire, settings, lifespan="off")
        server = uvicorn.Server(config)
        async with wire.lifespan(), asyncio.TaskGroup() as group:
            serving = group.create_task(server._serve([listener]))
            try:
                await _started(server, serving)
                async with contextlib.AsyncExitStack() as clients:
                    yield Running(address, wire, clients)
            finally:
                server.should_exit = True
                await asyncio.wait([serving])  # a group whose block failed would cut it short
