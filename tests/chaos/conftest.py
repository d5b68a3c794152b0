"""What the fault tests share: databases on the run's mongod, and sets of mongods to break."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient

from chaos.replica_set import ReplicaSet, three_nodes
from chaos.site import Site, database, site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """PyMongo leaves the sockets of cancelled connection attempts to the garbage collector."""
    for item in items:
        if "/chaos/" in str(item.path):
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
            )


@pytest.fixture(autouse=True)
async def outage() -> AsyncIterator[None]:
    """Collect those sockets here, so that no other test is blamed."""
    yield
    await asyncio.sleep(0)
    gc.collect()


@pytest.fixture(scope="module")
async def data(mongo: EmbeddedMongo) -> AsyncIterator[tuple[Store, Settings]]:
    """A database for the tests of a module, on the mongod of the run."""
    async with database(mongo.uri) as opened:
        yield opened


@pytest.fixture
async def place(data: tuple[Store, Settings]) -> AsyncIterator[Site]:
    """A server of a test's own."""
    async with site(*data) as running:
        yield running


@pytest.fixture
async def two(data: tuple[Store, Settings]) -> AsyncIterator[tuple[Site, Site]]:
    """Two servers on one database."""
    async with site(*data) as one, site(*data) as other:
        yield one, other


@pytest.fixture
async def admin(mongo: EmbeddedMongo) -> AsyncIterator[Any]:
    """The administration database, by a client that no fail point concerns."""
    async with AsyncMongoClient[dict[str, Any]](mongo.uri, appname="test-admin") as client:
        yield client.admin


@pytest.fixture(scope="session")
async def trio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """A replica set of three nodes; whoever breaks it heals it."""
    async with three_nodes(tmp_path_factory.mktemp("trio")) as running:
        yield running
