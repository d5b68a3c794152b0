from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auth.rig import opened_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store


@pytest.fixture(scope="session")
def mongodb_uri(mongo: EmbeddedMongo) -> str:
    return mongo.uri


@pytest.fixture(scope="session")
async def store(mongodb_uri: str) -> AsyncIterator[Store]:
    """One database for all tests, which keep to users of their own."""
    async with opened_store(mongodb_uri) as store:
        yield store
