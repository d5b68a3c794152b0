"""A whole server for a module's tests, which change nothing that others of them look at."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionwire.settings import Settings, load_settings
from sessionwire.store.mongo import Store
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo

__all__ = ["Edge", "edge"]

_SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"  # of these tests only


@dataclass(frozen=True)
class Edge:
    """A running server with its settings, and its database."""

    server: Running
    settings: Settings
    store: Store

    @property
    def address(self) -> str:
        return self.server.address


@contextlib.asynccontextmanager
async def edge(mongo: EmbeddedMongo, **changed: Any) -> AsyncIterator[Edge]:
    """Serve until the block ends; keywords change settings, also as `load_settings` would not."""
    name = f"test_{secrets.token_hex(6)}"
    loaded = load_settings(mongodb_uri=mongo.uri, database=name, secret=_SECRET)
    settings = loaded.model_copy(update=changed)
    async with Store.open(mongo.uri, database=name) as store:
        try:
            async with run_server(settings) as server:
                yield Edge(server, settings, store)
        finally:
            await store.client.drop_database(name)
