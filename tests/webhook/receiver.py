"""A receiver of security events: a real server on loopback that can be told to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

__all__ = ["SECRET", "Receiver", "free_port", "receiving", "serving"]

SECRET = "Zt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzNkX2v9Qm"


class Receiver:
    """What was posted, in order; `answers` says with which statuses, the last one for ever."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/events"
        self.answers: list[int] = [202]
        self.hangs = asyncio.Event()
        self.headers: list[dict[str, str]] = []
        self.claims: list[dict[str, Any]] = []
        self.redirected = 0
        self._changed = asyncio.Event()

    async def take(self, request: Request) -> Response:
        token = jwt.decode(await request.body(), OctKey.import_key(SECRET), algorithms=["HS256"])
        assert token.header["typ"] == "secevent+jwt"
        self.headers.append(dict(request.headers))
        self.claims.append(dict(token.claims))
        self._changed.set()
        status = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if status == 0:
            await self.hangs.wait()
        return Response(status_code=status or 202, headers={"location": "/elsewhere"})

    async def elsewhere(self, request: Request) -> Response:
        self.redirected += 1
        return Response(status_code=202)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """The claims of everything posted, once there are so many."""
        async with asyncio.timeout(15):
            while len(self.claims) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.claims


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """Listen until the block ends."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        receiver = Receiver(listener.getsockname()[1])
        routes = [
            Route("/events", receiver.take, methods=["POST"]),
            Route("/elsewhere", receiver.elsewhere, methods=["GET", "POST"]),
        ]
        async with serving(Starlette(routes=routes), listener):
            try:
                yield receiver
            finally:
                receiver.hangs.set()


@contextlib.asynccontextmanager
async def serving(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the application on this socket until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server._serve([listener]))
        while not server.started and not running.done():  # noqa: ASYNC110 (uvicorn tells nobody)
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            server.should_exit = True
