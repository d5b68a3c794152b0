"""The parts of `sessionwire replay`: signing in by a link, and the keys that are pressed."""

from __future__ import annotations

import asyncio
import os
from typing import IO, TYPE_CHECKING, Any

from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["SignIn", "keys_pressed"]

_LINK = "/replay/"


class SignIn:
    """Around a server: `/replay/viewer1` gives a browser that viewer's cookie.

    `always` is the cookie of whoever has none.
    """

    def __init__(self, app: ASGIApp, cookies: Mapping[str, str], *, always: str | None) -> None:
        self._app = app
        self._cookies = cookies
        self._always = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_LINK):
            cookie = self._cookies.get(scope["path"].removeprefix(_LINK))
            if cookie is not None:
                response = RedirectResponse("/", 303, {"cache-control": "no-store"})
                response.headers["set-cookie"] = f"{cookie}; Path=/; HttpOnly; SameSite=Lax"
                await response(scope, receive, send)
                return
        await self._app(self._signed_in(scope), receive, send)

    def _signed_in(self, scope: Scope) -> Scope:
        if self._always is None or scope["type"] not in ("http", "websocket"):
            return scope
        name = self._always.partition("=")[0].encode()
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if any(key == b"cookie" and name in value for key, value in headers):
            return scope
        return {**scope, "headers": [*headers, (b"cookie", self._always.encode())]}


async def keys_pressed(terminal: IO[Any]) -> AsyncGenerator[None]:
    """Once for each Enter, to the end of the input."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[bool]()

    def read() -> None:
        text = os.read(terminal.fileno(), 4096)
        for _ in range(text.count(b"\n")):
            lines.put_nowait(True)
        if not text:
            loop.remove_reader(terminal.fileno())
            lines.put_nowait(False)

    try:
        loop.add_reader(terminal.fileno(), read)
    except PermissionError:  # a file is always readable, which epoll does not say
        for _ in terminal:
            yield None
        return
    try:
        while await lines.get():
            yield None
    finally:
        loop.remove_reader(terminal.fileno())
