"""Autobahn's cases against the server's own WebSocket protocol (I27)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from chaos.site import SECRET
from sessionwire.policy.limits import Limits
from sessionwire.serving import uvicorn_config
from sessionwire.settings import load_settings

kosoku = pytest.importorskip("kosoku")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


APPLICABLE = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
"""Not 9.* (messages up to 16 MB) and 12.*, 13.* (compression), which are refused by design."""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """What the cases are written for."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        with contextlib.suppress(OSError, RuntimeError):
            await send({**message, "type": "websocket.send"})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """An echo server as `sessionwire serve` would serve it, with the largest frame it can take."""
    limits = Limits(frame=64 * 1024)
    settings = load_settings(secret=SECRET).model_copy(update={"limits": limits})
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn_config(echo, settings, lifespan="off")
        config.ws_max_size = 70_000
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server._serve([listener]))
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            await asyncio.wait([serving])


async def test_i27_every_applicable_case_of_autobahn_passes(address: str) -> None:
    try:
        results = await kosoku.run_fuzzingclient(
            f"ws://{address}", cases=APPLICABLE, concurrency=16
        )
    except kosoku.FailureError as error:
        results = error.results
    failed = {each.case_id: (each.result, each.result_close) for each in results if not each.passed}
    assert not failed
    assert len(results) >= 240, len(results)
