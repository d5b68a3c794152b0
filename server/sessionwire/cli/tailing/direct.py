"""Traces of a relay of our own on MongoDB: what every server sees, and nobody is connected here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessionwire.app import COLLECTIONS
from sessionwire.cli.tailing.events import Began, Events, Missed, Seen
from sessionwire.model import NEVER, Version, format_version, parse_version
from sessionwire.observing.facts import MissedFacts
from sessionwire.observing.observation import Observation
from sessionwire.observing.reader import Reader
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.extras import extras_of
from sessionwire.reactive.hub import Hub
from sessionwire.relay import Relay
from sessionwire.store.feed import Feed
from sessionwire.store.load import Loader
from sessionwire.store.mapping import naming_of
from sessionwire.store.mongo import Store

if TYPE_CHECKING:
    from sessionwire.observing.filter import Filter
    from sessionwire.settings import Settings

__all__ = ["observe"]

_BREATH = 0.05
_KEPT = 50_000
_REMEDY = (
    "MongoDB's oplog does not reach back so far: ask for a newer --since, or enlarge it "
    "(db.adminCommand({replSetResizeOplog: 1, size: 16000, minRetentionHours: 24}))."
)


async def observe(
    settings: Settings, uri: str, wanted: Filter, *, since: str | None = None
) -> Events:
    """Without end. Raises StartupError when MongoDB cannot be used, Unavailable when it is silent.

    `since` is where the stream begins; the present without one.
    """
    start = NEVER if since is None else parse_version(since)
    async with Store.open(
        uri, database=settings.database, driver=settings.driver, naming=naming_of(settings)
    ) as store:
        relay = _relay(store, settings, since=start or None)
        observation, news = Observation(relay, settings, kept=_KEPT), asyncio.Event()
        with observation.watching(news.set) as recorder:
            reader = Reader(recorder, wanted, since=start)
            async with relay.running():
                opened = next(each.version for each in recorder.since(0) if each.resync)
                yield Began(f"{settings.database} on MongoDB", uri, format_version(opened))
                if start and opened > start:
                    facts = MissedFacts(
                        count=None, after=format_version(start), until=format_version(opened)
                    )
                    yield Missed(facts, _REMEDY)
                async for event in _read(reader, news, opened):
                    yield event


async def _read(reader: Reader, news: asyncio.Event, opened: Version) -> Events:
    """That the stream was opened is no loss of history, but is traced like one."""
    opening = format_version(opened)
    while True:
        news.clear()
        missed, traces = reader.take()
        if missed is not None:
            yield Missed(missed, "The terminal reads too slowly: filter, or write to a file.")
        for facts in traces:
            if facts.stop != "resync" or facts.version != opening:
                yield Seen(facts)
        await news.wait()
        await asyncio.sleep(_BREATH)


def _relay(store: Store, settings: Settings, *, since: Version | None) -> Relay:
    limits = settings.limits
    queries = make_queries(
        active_organization=settings.active_organization, extras=extras_of(settings)
    )
    hub = Hub(queries, idle_documents=limits.idle_documents, idle_watches=limits.idle_watches)
    feed = Feed(store, COLLECTIONS, since=since)
    return Relay(store=store, feed=feed, loader=Loader(store), hub=hub, limits=limits)
