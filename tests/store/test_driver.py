"""A cancelled task ends, whatever the driver does with its cancellation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.model import Version
from sessionwire.reactive.change import DocumentKey
from sessionwire.store.driver import close_client, make_client
from sessionwire.store.load import Loader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

STEPS = 60
"""Turns of the event loop after which the task is cancelled: a command takes fewer."""


async def find(store: Store) -> None:
    await store.find_one("c", {})


async def write(store: Store) -> None:
    async with store.writing() as writing:
        await writing.update_one("c", {"_id": 1}, {"$inc": {"n": 1}}, upsert=True)


async def load(store: Store) -> None:
    await Loader(store).load([DocumentKey("c", 1)], version=Version(await store.ping()))


@pytest.mark.usefixtures("outage")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("work", [find, write, load])
async def test_a_task_that_is_cancelled_at_any_moment_ends(
    either: Store, work: Callable[[Store], Awaitable[Any]]
) -> None:
    async def go_on() -> None:
        while True:
            await work(either)

    await write(either)
    for steps in range(STEPS):
        task = asyncio.create_task(go_on())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=3)
        task.cancel()
        assert done, f"not cancelled after {steps} turns"


async def test_a_monitor_that_does_not_end_does_not_keep_a_client_open(
    mongo: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Python 3.12 it may have lost its cancellation, and listens on."""
    monkeypatch.setattr("sessionwire.store.driver._JOIN_DEADLINE", 0.2)
    client = make_client(mongo.uri, driver="pymongo")
    await client.admin.command("ping")
    never, joined = asyncio.Event(), client._topology.cleanup_monitors
    monkeypatch.setattr(client._topology, "cleanup_monitors", never.wait)
    async with asyncio.timeout(5):
        await close_client(client)
    await joined()
