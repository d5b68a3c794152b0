"""What the promises say in numbers: how soon a socket closes, and how many streams there are."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from sessionwire.settings import Settings
    from support.server import LiveClient, Running

CLIENTS = 60
WELL_UNDER_A_SECOND = 0.8
"""The machine of a test run may be busy; alone it takes milliseconds."""


async def revoke(owner: httpx.AsyncClient, settings: Settings) -> None:
    answer = await owner.post("/api/auth/revoke-other-sessions")
    assert answer.status_code == 200


async def ban(owner: httpx.AsyncClient, settings: Settings) -> None:
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with AsyncMongoClient[dict[str, Any]](uri, w="majority") as client:
        await client[settings.database]["user"].update_one({}, {"$set": {"banned": True}})


async def closed(live: LiveClient) -> tuple[str, float]:
    """The reason that was given, and when the socket was closed."""
    with pytest.raises(ConnectionClosed):
        while True:
            await live.receive()
    return live.frames[-1]["reason"], time.monotonic()


@pytest.mark.parametrize(("end", "reason"), [(revoke, "revoked"), (ban, "banned")])
async def test_a_revoked_socket_is_closed_within_a_second(
    server: Running,
    settings: Settings,
    end: Callable[[httpx.AsyncClient, Settings], Awaitable[None]],
    reason: str,
) -> None:
    """P6, for thirty sockets at once, counted from when the write is begun."""
    laptop = await server.sign_up("Alice")
    phone = await server.sign_in("Alice")
    sockets = [await server.live(phone) for _ in range(30)]
    for live in sockets:
        await live.subscribe(1, "session")
        await live.until_shown(1, lambda data: data is not None)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(closed(live)) for live in sockets]
        await end(laptop, settings)
    ended = [each.result() for each in waiting]
    assert {said for said, _ in ended} == {reason}
    assert max(at for _, at in ended) - began < WELL_UNDER_A_SECOND


async def test_however_many_clients_there_are_a_process_has_one_stream(
    server: Running, settings: Settings
) -> None:
    """P9, as MongoDB counts: cursors of change streams over this database."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        assert await streams(client, settings.database) == 1
        for number in range(3):
            http = await server.sign_up(f"Person{number}")
            for _ in range(CLIENTS // 3):
                live = await server.live(http)
                for id, query in enumerate(("session", "organizations", "organization")):
                    await live.subscribe(id, query)
                await live.until_shown(0, lambda data: data is not None)
        assert server.wire.relay.hub.connections >= CLIENTS
        assert await streams(client, settings.database) == 1


async def streams(client: AsyncMongoClient[dict[str, Any]], database: str) -> int:
    """Change streams on the database, at rest or being read."""
    found = set()
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleCursors": True}},
        {"$match": {"cursor.originatingCommand.aggregate": {"$exists": True}}},
        {"$match": {"cursor.originatingCommand.$db": database}},
    ]
    async for each in await client.admin.aggregate(pipeline):
        if "$changeStream" in str(each["cursor"]["originatingCommand"].get("pipeline")):
            found.add(each["cursor"]["cursorId"])
    return len(found)
