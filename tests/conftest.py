"""What tests share: one real mongod, a database of their own, and a whole server."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient

from sessionwire.settings import Settings, load_settings
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.mongo import Store
from support.databases import Databases
from support.hashing import remember_hashes
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@pytest.fixture(scope="session")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedMongo]:
    """The mongod of this test run, with fail points."""
    directory = tmp_path_factory.mktemp("mongo")
    arguments = ["--setParameter", "enableTestCommands=1"]
    async with EmbeddedMongo(directory, extra_arguments=arguments) as running:
        async with AsyncMongoClient[dict[str, Any]](running.uri) as client:
            # All tests' databases at once need more than the one of a small server.
            wanted = {"wiredTigerEngineRuntimeConfig": "cache_size=1GB"}
            await client.admin.command({"setParameter": 1, **wanted})
        yield running


@pytest.fixture(autouse=True)
def hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed once for all tests, but for those that are about hashing."""
    if request.node.get_closest_marker("hashing") is None:
        remember_hashes(monkeypatch)


@pytest.fixture(scope="session")
async def databases(mongo: EmbeddedMongo) -> AsyncIterator[Databases]:
    pool = Databases(mongo.uri)
    yield pool
    await pool.close()


@pytest.fixture
async def settings(
    mongo: EmbeddedMongo, databases: Databases, request: pytest.FixtureRequest
) -> AsyncIterator[Settings]:
    """Settings of a server on a database that no other test uses.

    It is empty and has its indexes if the test asks for a `store`, and else is not there yet.
    """
    prepared = "store" in request.fixturenames
    name = await databases.take() if prepared else f"test_{secrets.token_hex(6)}"
    yield load_settings(mongodb_uri=mongo.uri, database=name, secret=SECRET)
    if prepared:
        await databases.give_back(name)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """An open store on that database, with its indexes."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with Store.open(uri, database=settings.database) as opened:
        yield opened


@pytest.fixture
async def server(settings: Settings, store: Store) -> AsyncIterator[Running]:
    """A whole server in this process."""
    async with run_server(settings) as running:
        yield running
