"""The store on either driver, and the administration of its mongod."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pymongo import AsyncMongoClient

from sessionwire.store.mongo import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo

DRIVERS = ("pymongo", "motor")


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Literal["pymongo", "motor"]:
    driver: Literal["pymongo", "motor"] = request.param
    return driver


@pytest.fixture
async def either(settings: Settings, driver: Literal["pymongo", "motor"]) -> AsyncIterator[Store]:
    """An open store on each of the drivers in turn."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with Store.open(uri, database=settings.database, driver=driver) as opened:
        yield opened
        await opened.client.drop_database(settings.database)


@pytest.fixture
async def admin(mongo: EmbeddedMongo) -> AsyncIterator[Any]:
    """The administration database, by a client of its own."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.uri, appname="test-admin")
    async with client:
        yield client.admin


@pytest.fixture
async def outage() -> AsyncIterator[None]:
    """PyMongo leaves the sockets of cancelled connection attempts to the garbage collector.

    To be used with a filter for the warning, so that no other test is blamed.
    """
    yield
    await asyncio.sleep(0)
    gc.collect()
