"""sessionwire with the pages of these tests beside it, in this process or in one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles

import sessionwire
from sessionwire.app import SessionWire
from sessionwire.gateways.connection import DirectConnection
from sessionwire.serving import uvicorn_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from sessionwire.settings import Settings

__all__ = ["PAGES", "Site", "serve_site"]

PAGES = Path(__file__).parent
_READY_WITHIN = 30.0
_PORTAL_PAGE = (
    b"<!doctype html><title>Welcome</title><form><button>Accept our terms</button></form>"
)
_PACKAGES = str(Path(sessionwire.__file__).parents[1])


class Site(SessionWire):
    """The server, these pages under `/pages/`, and a network that may refuse WebSockets, or all."""

    def __init__(self, settings: Settings | None = None, *, pages: Path = PAGES) -> None:
        super().__init__(settings)
        self.refuses_websockets = False
        self.handshakes = 0
        self.captured: int | None = None
        """How much a captive portal has answered in the server's place; None: there is none."""
        routes = [Mount("/pages", StaticFiles(directory=pages)), Mount("/", super().__call__)]
        self._site = Router(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        elif self.captured is not None:
            self.captured += 1
            await _portal(scope, send)
        elif scope["type"] == "websocket" and self.refuses_websockets:
            await receive()
            await send({"type": "websocket.close"})  # before it is accepted: 403
        elif scope["type"] == "websocket":
            self.handshakes += 1
            await self._site(scope, receive, send)
        else:
            await self._site(scope, receive, send)

    @property
    def connections(self) -> int:
        """WebSockets that are open now."""
        present = () if self._live is None else self._live.present()
        return sum(each.kind == "socket" for each in present)

    def capture(self) -> None:
        """Cut all connections; until `captured` is None again a portal answers everything."""
        self.captured = 0
        assert self._live is not None
        for each in list(self._live._connections):
            if isinstance(each, DirectConnection) and each._socket is not None:
                each._socket.abort()


async def _portal(scope: Scope, send: Send) -> None:
    """Its page, with status 200, also in answer to a WebSocket's handshake."""
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    headers = [(b"content-type", b"text/html"), (b"cache-control", b"no-store")]
    await send({"type": f"{kind}.start", "status": 200, "headers": headers})
    await send({"type": f"{kind}.body", "body": _PORTAL_PAGE})


@contextlib.asynccontextmanager
async def serve_site(settings: Settings, *, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The site in a process of its own, on the database of `settings`, until the block ends."""
    assert settings.mongodb_uri is not None
    assert settings.secret is not None
    address = f"http://127.0.0.1:{port}"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("SESSIONWIRE_")},
        "PYTHONPATH": _PACKAGES,
        "SESSIONWIRE_MONGODB_URI": settings.mongodb_uri.get_secret_value(),
        "SESSIONWIRE_DATABASE": settings.database,
        "SESSIONWIRE_SECRET": settings.secret.get_secret_value(),
        "SESSIONWIRE_BASE_URL": address,
    }
    process = _start([sys.executable, __file__, str(port)], environment)
    try:
        await _answers(process, address)
        yield process
    finally:
        process.kill()
        process.wait()


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment)


async def _answers(process: subprocess.Popen[bytes], address: str) -> None:
    async with asyncio.timeout(_READY_WITHIN), httpx.AsyncClient(base_url=address) as http:
        while True:
            assert process.poll() is None, "it ended"
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/pages/blank.html")).is_success:
                    return
            await asyncio.sleep(0.02)


def _main() -> Any:
    site = Site()
    config = uvicorn_config(site, site.settings, host="127.0.0.1", port=int(sys.argv[1]))
    uvicorn.Server(config).run()


if __name__ == "__main__":
    _main()
