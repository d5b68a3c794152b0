"""Waiting for the driver can be given up at any moment, and as often as one likes."""

from __future__ import annotations

import asyncio
import random
import sys
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous import pool
from pymongo.asynchronous import topology as topology_module
from pymongo.errors import PyMongoError
from pymongo.lock import _async_create_condition, _async_create_lock

from sessionwire.store import driver
from sessionwire.store.mongod import free_port

TIMES = 60
topology: Any = topology_module


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there is nothing to mend")
def test_the_driver_still_waits_where_it_is_mended() -> None:
    """A version of PyMongo that calls it otherwise has to be looked at again."""
    for module in (pool, topology_module):
        assert getattr(module, "_async_cond_wait", None) is driver._waited


async def test_a_wait_still_ends_by_news_and_by_its_time() -> None:
    condition = _async_create_condition(_async_create_lock())
    async with condition:
        assert await topology._async_cond_wait(condition, 0.01) is False

    async def wait() -> bool:
        async with condition:
            news: bool = await topology._async_cond_wait(condition, 5)
            return news

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    assert await waiting is True


async def test_a_client_whose_callers_gave_up_is_of_use_to_others() -> None:
    """It was not: nobody could take the lock of its topology any more, until the process ended."""
    uri = f"mongodb://127.0.0.1:{free_port()}/?replicaSet=nowhere&serverSelectionTimeoutMS=20000"
    dice = random.Random(7)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(uri, heartbeatFrequencyMS=500)

    async def ask() -> None:
        await client.admin.command("ping")

    asked = [asyncio.create_task(ask()) for _ in range(TIMES)]
    for _ in range(5):
        await asyncio.sleep(dice.random() * 0.3)
        for each in asked:
            each.cancel()
            await asyncio.sleep(0)
        asked += [asyncio.create_task(ask()) for _ in range(TIMES)]
    for each in asked:
        each.cancel()
    for _ in range(50):
        await asyncio.sleep(0)
        for each in asked:
            each.cancel()
    await asyncio.wait(asked, timeout=5)
    async with asyncio.timeout(5):
        async with client._topology._lock:
            pass
        await driver.close_client(client)
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in found} <= {
        asyncio.CancelledError,
        *PyMongoError.__subclasses__(),
    }
