from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from auth.rig import opened_store
from sessionwire.store.embedded import EmbeddedMongo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from sessionwire.store.mongo import Store


@pytest_asyncio.fixture(scope="session")
async def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    mongo = EmbeddedMongo(tmp_path_factory.mktemp("mongo"))
    yield await mongo.start()
    await mongo.stop()


@pytest_asyncio.fixture(scope="session")
async def store(mongodb_uri: str) -> AsyncIterator[Store]:
    """One database for all tests, which keep to users of their own."""
    async with opened_store(mongodb_uri) as store:
        yield store
