"""An application with a server mounted into it, under a real uvicorn with its lifespan."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from sessionwire import SessionWire
from sessionwire.policy.headers import api_headers
from sessionwire.serving import uvicorn_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp

    from sessionwire.settings import Settings
    from support.people import Person

__all__ = ["UPGRADE", "Site", "carries_the_headers", "serve_app", "site"]

UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass
class Site:
    address: str
    wire: SessionWire
    settings: Settings

    async def get(self, path: str, who: Person | None = None, /, **headers: str) -> httpx.Response:
        return await self.send("GET", path, who, **headers)

    async def send(
        self,
        method: str,
        path: str,
        who: Person | None = None,
        /,
        *,
        json: Any = None,
        **headers: str,
    ) -> httpx.Response:
        """`sec_fetch_site="none"` is the header sec-fetch-site."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["cookie"] = "; ".join(filter(None, [who.cookie, sent.get("cookie")]))
        async with httpx.AsyncClient(base_url=self.address, timeout=20) as http:
            return await http.request(method, path, headers=sent, json=json)


def carries_the_headers(response: httpx.Response) -> bool:
    """Whether the answer has exactly the API's security headers, each once."""
    return all(
        response.headers.get_list(name) == [value]
        for name, value in api_headers(secure=False).items()
    )


@contextlib.asynccontextmanager
async def site(
    settings: Settings, build: Callable[[SessionWire], ASGIApp], **given: Any
) -> AsyncIterator[Site]:
    """Serve what `build` makes of a server on this database until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = settings.model_copy(update={"base_url": address})
        wire = SessionWire(settings, **given)
        async with serve_app(build(wire), settings, listener):
            yield Site(address, wire, settings)


@contextlib.asynccontextmanager
async def serve_app(
    app: ASGIApp, settings: Settings, listener: socket.socket
) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn_config(app, settings, lifespan="on"))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server._serve([listener]))
        try:
            while not server.started and not serving.done():  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.005)
            assert server.started
            yield
        finally:
            server.should_exit = True
