"""A server in this process that knows all members of a replica set, which a test breaks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
from pymongo.errors import PyMongoError

from chaos.site import SECRET, SHORT, database, rename
from sessionwire.app import SessionWire
from sessionwire.errors import Unavailable
from sessionwire.settings import load_settings
from sessionwire.tasks import background
from support.server import Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chaos.replica_set import ReplicaSet
    from sessionwire.model import Version
    from sessionwire.policy.limits import Limits
    from sessionwire.reactive.view import Context
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person

__all__ = ["clustered", "insist", "name_over_http", "writing_things"]

_ACKNOWLEDGED_WITHIN = 60.0


def _things(ctx: Context) -> list[int]:
    return [int(each["_id"]) for each in ctx.where("thing", group="g")]


@contextlib.asynccontextmanager
async def clustered(
    replica_set: ReplicaSet, limits: Limits = SHORT
) -> AsyncIterator[tuple[Store, Settings, Running]]:
    """A server with the query `things`, and a store beside it; the set is whole again at the end.

    `things` are the ids in the collection `thing` of what is in the group `g`.
    """
    try:
        async with database(replica_set.uri) as (store, settings):
            own = load_settings(
                mongodb_uri=replica_set.uri, database=settings.database, secret=SECRET
            )
            own = own.model_copy(update={"limits": limits})
            wire = SessionWire(own)
            wire.query("things")(_things)
            async with run_server(own, wire=wire) as server:
                yield store, own, server
                await replica_set.heal()
    finally:
        await replica_set.heal()


async def name_over_http(server: Running, person: Person) -> str:
    """Who is signed in; empty while the server cannot say."""
    with contextlib.suppress(httpx.TransportError):
        async with server.http(headers={"cookie": person.cookie}) as http:
            answer = await http.get("/api/auth/get-session")
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                assert answer.json() is not None, "P7: an outage signed somebody out"
                return str(answer.json()["user"]["name"])
    return ""


async def insist(store: Store, person: Person, name: str) -> Version:
    """Rename the person as often as it takes until a majority has it. Raises TimeoutError."""
    async with asyncio.timeout(_ACKNOWLEDGED_WITHIN):
        while True:
            with contextlib.suppress(Unavailable):
                return await rename(store, person, name)
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def writing_things(store: Store) -> AsyncIterator[list[int]]:
    """One thing after the other, until the block ends; the list is of what was acknowledged."""
    acknowledged: list[int] = []
    async with background(_write(store, acknowledged)):
        yield acknowledged


async def _write(store: Store, acknowledged: list[int]) -> None:
    n = 0
    while True:
        n += 1
        with contextlib.suppress(Unavailable, PyMongoError):
            async with store.writing() as writing:
                await writing.insert_one("thing", {"_id": n, "group": "g"})
                acknowledged.append(n)
        await asyncio.sleep(0.005)
