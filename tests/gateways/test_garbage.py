"""What a connection or a request leaves is freed at once, without the collector of cycles.

That comes late in a large process: until then, what it has to find counts as memory in use.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from support.raw import UPGRADE, ask, line_to, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from support.server import Running

ROUNDS = 5


class Litter:
    """Counts by type what only the collector frees of what the server made."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            yield
            gc.collect()
            self.found.update(filter(None, map(_named, gc.garbage)))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


def _named(each: object) -> str | None:
    kind = type(each)
    if kind in weakref.ProxyTypes:
        return None
    if kind.__module__.startswith(("sessionwire.", "uvicorn.", "starlette.")):
        return f"{kind.__module__}.{kind.__qualname__}"
    module = getattr(each, "__module__", None) or ""
    if callable(each) and isinstance(module, str) and module.startswith("sessionwire."):
        return f"{module}.{getattr(each, '__qualname__', each)}"
    return None


async def socket(server: Running) -> None:
    live = await server.live()
    await live.subscribe(1, "session")
    await live.receive()
    await live.receive()
    await live.connection.close()


async def refused_socket(server: Running) -> None:
    fields = (*UPGRADE.items(), ("Origin", "http://elsewhere.example"))
    answer = await ask(server.address, request("/live", *fields))
    assert answer is not None and answer.status == 403


async def asked(server: Running, *requests: bytes) -> None:
    async with line_to(server.address) as line:
        for each in requests:
            line.send(each)
            assert await line.answer() is not None


async def read(server: Running) -> None:
    await asked(server, request("/api/auth/get-session"), request("/api/auth/get-session"))


async def unknown(server: Running) -> None:
    await asked(server, request("/nowhere"), request("/api/auth/nowhere"), request("/live"))


async def refused(server: Running) -> None:
    fields = (("Content-Type", "application/json"), ("Content-Length", "2"))
    body = request("/api/auth/sign-in/email", *fields, method="POST", body=b"{}")
    await asked(server, body, request("/api/auth/list-sessions"))


async def page(server: Running) -> None:
    await asked(server, request("/"), request("/health/ready"))


@pytest.mark.parametrize("kind", [socket, refused_socket, read, unknown, refused, page])
async def test_it_leaves_nothing_to_the_collector(
    server: Running, kind: Callable[[Any], Awaitable[None]]
) -> None:
    await kind(server)
    litter = Litter()
    with litter.watched():
        for _ in range(ROUNDS):
            await kind(server)
        await asyncio.sleep(0.1)
    often = {name: count for name, count in litter.found.items() if count >= ROUNDS}
    assert not often
