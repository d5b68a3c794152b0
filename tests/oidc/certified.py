"""The certified provider of npm's `oidc-provider`, and a browser that walks through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from auth.rig import ORIGIN
from oidc.walk import query_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.auth.browser import Browser

__all__ = ["Certified", "serving_certified"]

_NODE = Path(__file__).parents[1] / "node"
_CLIENT = ("sessionwire", "a-secret-of-these-tests-only-0123456789")
_BACK = f"{ORIGIN}/api/auth/callback/acme"


@dataclass
class Certified:
    address: str

    @property
    def provider(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "client_id": _CLIENT[0],
            "client_secret": _CLIENT[1],
        }

    async def know(self, sub: str, **claims: Any) -> None:
        """What it says about this person from now on."""
        async with httpx.AsyncClient() as client:
            response = await client.post(f"{self.address}/people", json={sub: claims})
        assert response.status_code == 204, response.text

    async def walk(self, browser: Browser, sub: str, **more: Any) -> dict[str, str]:
        """The browser goes there as this person; what it is sent back to us with."""
        body = {"provider": "acme", "callbackURL": "/after", "errorCallbackURL": "/oops"}
        path = more.pop("path", "/sign-in/social")
        response = await browser.post(path, {**body, "loginHint": sub, **more})
        assert response.status_code == 200, response.text
        return await self.through(response.json()["url"])

    async def through(self, url: str) -> dict[str, str]:
        """Through its pages, with cookies of its own, to the address of our callback."""
        async with httpx.AsyncClient() as client:
            while not url.startswith(_BACK):
                response = await client.get(httpx.URL(self.address).join(url))
                assert response.status_code in (302, 303), response.text
                url = response.headers["location"]
        return query_of(url)

    async def round(self, browser: Browser, sub: str, **more: Any) -> httpx.Response:
        return await self.back(browser, await self.walk(browser, sub, **more))

    async def back(self, browser: Browser, returned: dict[str, str]) -> httpx.Response:
        return await browser.get(f"/callback/acme?{urlencode(returned)}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def serving_certified() -> AsyncIterator[Certified]:
    """One Node process, ended with the block."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        "node",
        "oidc/provider.mjs",
        str(port),
        _BACK,
        *_CLIENT,
        cwd=_NODE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while b"ready" not in (line := await process.stdout.readline()):
                assert line, "the provider ended before it was ready"
        yield Certified(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()
        # so that the pipe's transport is closed while the loop runs
        await process.stdout.read() if process.stdout else None
