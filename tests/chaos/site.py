"""A server in this process on a database of its own, reached over links that a test may break."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chaos.proxy import Proxy, proxying
from sessionwire.app import SessionWire
from sessionwire.policy.limits import Limits
from sessionwire.settings import Settings, load_settings
from sessionwire.store.mongo import Store
from support.people import Person, add_person
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from sessionwire.model import Version

__all__ = ["SECRET", "SHORT", "Site", "database", "port_of", "rename", "site"]

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"  # of these tests only

SHORT = Limits(max_staleness=1.0, unverifiable_after=3.0, read_deadline=1.0, version_wait=1.0)
"""What an operator waits for, a test need not."""


@dataclass(frozen=True)
class Site:
    """A running server; `store` reaches its database past every fault, `link` is the server's."""

    server: Running
    settings: Settings
    store: Store
    link: Proxy
    door: Proxy
    """Between the clients and the server, for those that come through it."""

    async def person(self, name: str = "Alice", **fields: Any) -> Person:
        """Signed in, and known to the server."""
        person = await add_person(self.store, self.settings, name, **fields)
        await self.server.wire.relay.until(await self.store.ping())
        return person


@contextlib.asynccontextmanager
async def database(uri: str) -> AsyncIterator[tuple[Store, Settings]]:
    """A database that nobody else uses, with its indexes, and settings of servers on it."""
    name = f"chaos_{secrets.token_hex(6)}"
    async with Store.open(uri, database=name) as store:
        await store.ensure_indexes()
        yield store, load_settings(mongodb_uri=uri, database=name, secret=SECRET)
        await store.client.drop_database(name)


@contextlib.asynccontextmanager
async def site(
    store: Store,
    settings: Settings,
    *,
    limits: Limits = SHORT,
    queries: Mapping[str, Callable[..., Any]] | None = None,
    **changed: Any,
) -> AsyncIterator[Site]:
    """One server on the database, with more queries; keywords change settings."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with proxying(port_of(uri)) as link:
        through = f"mongodb://127.0.0.1:{link.port}/?directConnection=true"
        own = load_settings(
            mongodb_uri=through, database=settings.database, secret=SECRET, **changed
        ).model_copy(update={"limits": limits})
        wire = SessionWire(own)
        for name, query in (queries or {}).items():
            wire.query(name)(query)
        async with (
            run_server(own, wire=wire) as server,
            proxying(int(server.address.rpartition(":")[2])) as door,
        ):
            try:
                yield Site(server, own, store, link, door)
            finally:
                link.release()


def port_of(uri: str) -> int:
    """Of the first host."""
    return int(uri.partition("//")[2].partition("/")[0].partition(",")[0].rpartition(":")[2])


async def rename(store: Store, person: Person, name: str) -> Version:
    """A change of the user by another program; the version at which it is."""
    async with store.writing() as writing:
        await writing.update_one("user", {"_id": person.id}, {"$set": {"name": name}})
        return writing.version
