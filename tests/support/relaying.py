"""A running relay over a real database, and queries to ask it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionwire.errors import Forbidden
from sessionwire.model import ANONYMOUS, Version
from sessionwire.policy.limits import Limits
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from sessionwire.reactive.view import Context, Queries
from sessionwire.relay import Relay
from sessionwire.store.feed import Feed
from sessionwire.store.load import Loader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessionwire.store.mongo import Store, Writing

__all__ = ["QUICK", "Rig", "put", "relaying", "subscribed", "until"]

QUICK = Limits(version_wait=0.3, read_deadline=1.0, max_staleness=1.0, unverifiable_after=2.0)


def number(ctx: Context, id: int = 1) -> int | None:
    document = ctx.get("a", id)
    return None if document is None else int(document["n"])


def total(ctx: Context) -> int:
    """Of all documents of one group; two kinds of reads."""
    found = [*ctx.where("a", group="g"), *ctx.get_many("b", [1, 2])]
    return sum(int(each["n"]) for each in found)


def refused(ctx: Context) -> None:
    if ctx.get("a", 1) is not None:
        raise Forbidden("Not for you.")


def touchy(ctx: Context) -> float:
    document = ctx.get("a", 1)
    return 1 / document["n"] if document else 0


def by_any_id(ctx: Context, id: Any) -> bool:
    return ctx.get("a", id) is not None


def by_any_value(ctx: Context, value: Any) -> int:
    return len(ctx.where("a", field=value))


def nowhere(ctx: Context) -> None:
    ctx.get("", 1)


def elsewhere(ctx: Context) -> int:
    return len(ctx.where("not followed yet", group="g"))


@dataclass
class Rig:
    """A running relay and what it is made of."""

    relay: Relay
    store: Store
    loader: Loader
    hub: Hub

    async def value(self, query: str, **args: Any) -> Any:
        return (await self.relay.read(query, ANONYMOUS, args)).value


@contextlib.asynccontextmanager
async def relaying(store: Store, *, limits: Limits | None = None) -> AsyncIterator[Rig]:
    queries = Queries()
    for query in (number, total, refused, touchy, by_any_id, by_any_value, nowhere, elsewhere):
        queries.add(query.__name__, query)
    hub, loader = Hub(queries, idle_documents=5_000, idle_watches=5_000), Loader(store)
    relay = Relay(
        store=store, feed=Feed(store, ["a", "b"]), loader=loader, hub=hub, limits=limits or Limits()
    )
    async with relay.running():
        yield Rig(relay, store, loader, hub)


async def put(writing: Writing, id: Any = 1, collection: str = "a", **fields: Any) -> Version:
    await writing.update_one(collection, {"_id": id}, {"$set": fields}, upsert=True)
    return writing.version


async def until(condition: Callable[[], bool], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 (time passes, nobody would set an event)
            await asyncio.sleep(0.005)


def subscribed(rig: Rig, query: str, **args: Any) -> Outbox:
    """A connection that follows the query, so that it is recomputed at every change."""
    outbox = Outbox(ANONYMOUS, wake=lambda: None)
    rig.hub.attach(outbox)
    rig.hub.subscribe(outbox, 1, query, args)
    rig.relay.flush()
    return outbox
