"""Every frame of every client against the database at the frame's version (P1–P4)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient
from websockets.exceptions import ConnectionClosed

from sessionwire.app import SessionWire
from sessionwire.model import ANONYMOUS, Viewer, parse_version
from sessionwire.reactive.view import Answer, Failure
from sessionwire.store.snapshot import evaluate_at
from support.people import Person, add_organization, add_person
from support.server import LiveClient, Running, run_server
from support.writers import People, Projects

if TYPE_CHECKING:
    from sessionwire.reactive.view import Context
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

FRAMES = int(os.environ.get("SESSIONWIRE_TEST_FRAMES", "2500"))
SEED = int(os.environ.get("SESSIONWIRE_TEST_SEED", "0")) or random.randrange(1, 2**31)
SECONDS = 90.0

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("session", {}),
    ("user", {}),
    ("organizations", {}),
    ("organization", {}),
    ("devices", {}),
    ("team", {"name": "red"}),
    ("team", {"name": "blue"}),
]


def team(ctx: Context, name: str) -> list[dict[str, Any]]:
    """A developer's query over whole documents of every shape."""
    return [
        {
            key: str(value) if key in ("touched", "expireAt") else value
            for key, value in each.items()
        }
        for each in ctx.where("project", team=name)
    ]


@dataclass(frozen=True)
class Seen:
    """One frame: what it said, and everything the connection showed after it."""

    viewer: Viewer
    version: str
    shown: dict[int, tuple[str, dict[str, Any], str]]
    """id → query, args, JSON of the data or `!code`."""


@dataclass
class Tab:
    """A client that subscribes, unsubscribes, drops and comes back."""

    server: Running
    person: Person | None
    dice: random.Random
    seen: list[Seen] = field(default_factory=list)
    version: str = "0" * 16
    kept: dict[str, tuple[str, str]] = field(default_factory=dict)
    resumed: int = 0
    unchanged: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            lifetime = self.dice.uniform(0.3, 4.0)
            live = await self.connect()
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(lifetime):
                    await self.converse(live, stop)
            if self.dice.random() < 0.5:
                live.connection.transport.abort()
            else:
                await live.connection.close()

    async def connect(self) -> LiveClient:
        return await self.server.live(cookie=None if self.person is None else self.person.cookie)

    async def converse(self, live: LiveClient, stop: asyncio.Event) -> None:
        asked: dict[int, tuple[str, dict[str, Any]]] = {}
        shown: dict[int, tuple[str, dict[str, Any], str]] = {}
        next_id = 0
        while not stop.is_set():
            roll = self.dice.random()
            if len(asked) < 4 and roll < 0.2 or not asked:
                query, args = self.dice.choice(QUERIES)
                await self.subscribe(live, next_id, query, args)
                asked[next_id] = (query, args)
                next_id += 1
            elif roll < 0.25:
                id = self.dice.choice(list(asked))
                del asked[id]
                shown.pop(id, None)
                await live.send(op="unsubscribe", id=id)
            try:
                frame = await live.receive(within=1.0)
            except TimeoutError:
                continue
            self.take(frame, asked, shown)

    async def subscribe(self, live: LiveClient, id: int, query: str, args: dict[str, Any]) -> None:
        kept = self.kept.get(key(query, args))
        more = {} if kept is None else {"tag": kept[0]}
        self.resumed += kept is not None
        await live.subscribe(id, query, args=args, since=self.version, **more)

    def take(
        self,
        frame: dict[str, Any],
        asked: dict[int, tuple[str, dict[str, Any]]],
        shown: dict[int, tuple[str, dict[str, Any], str]],
    ) -> None:
        assert frame["op"] != "bye", frame
        assert frame["op"] != "error", frame
        if frame["op"] != "update":
            return
        assert frame["version"] >= self.version, "P3: a version went down"
        self.version = frame["version"]
        for result in frame["results"]:
            if result["id"] not in asked:
                continue  # it crossed with our unsubscribe
            query, args = asked[result["id"]]
            if "error" in result:
                text = "!" + result["error"]["code"]
            elif "unchanged" in result:
                self.unchanged += 1
                tag, text = self.kept[key(query, args)]
                assert tag == result["tag"]
            else:
                text = json.dumps(result["data"], sort_keys=True)
                self.kept[key(query, args)] = (result["tag"], text)
            shown[result["id"]] = (query, args, text)
        self.seen.append(Seen(self.viewer, frame["version"], dict(shown)))

    @property
    def viewer(self) -> Viewer:
        return ANONYMOUS if self.person is None else self.person.viewer


def key(query: str, args: dict[str, Any]) -> str:
    return f"{query} {json.dumps(args, sort_keys=True)}"


class Judge:
    """Recomputes what a query said at a version, once for all who ask."""

    def __init__(self, store: Store, wire: SessionWire) -> None:
        self._store = store
        self._wire = wire
        self._known: dict[tuple[str, Viewer, str], str] = {}
        self.checked = 0

    async def check(self, seen: Seen) -> None:
        for query, args, text in seen.shown.values():
            truth = await self._truth(seen.version, seen.viewer, query, args)
            assert text == truth, f"{query} {args} at {seen.version} (seed {SEED})"
            self.checked += 1

    async def _truth(self, version: str, viewer: Viewer, query: str, args: dict[str, Any]) -> str:
        known = (version, viewer, key(query, args))
        if known not in self._known:
            named = self._wire.relay.hub.queries.named(query)
            outcome = await evaluate_at(
                self._store, named, viewer, args, version=parse_version(version)
            )
            self._known[known] = as_text(outcome)
        return self._known[known]


def as_text(outcome: Answer | Failure) -> str:
    if isinstance(outcome, Failure):
        return "!" + outcome.code
    return json.dumps(json.loads(outcome.encoded), sort_keys=True)


@pytest.mark.slow
async def test_every_frame_equals_the_database_at_its_version(
    mongo: EmbeddedMongo, settings: Settings, store: Store
) -> None:
    dice = random.Random(SEED)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.uri)
    await client.admin.command({"setParameter": 1, "ttlMonitorSleepSecs": 1})
    people = [await add_person(store, settings, f"P{n}") for n in range(4)]
    organizations = [
        await add_organization(store, f"O{n}", {people[n].id: "owner", people[0].id: "member"})
        for n in range(3)
    ]
    projects = Projects(client, settings.database, dice)
    await projects.prepare()
    writers = [projects, People(client, settings.database, dice, people, organizations)]
    wire = SessionWire(settings)
    wire.query("team")(team)
    async with run_server(settings, wire=wire) as server:
        tabs = [
            Tab(server, dice.choice([*people, *people, None]), random.Random(dice.random()))
            for _ in range(12)
        ]
        judge = Judge(store, wire)
        checked = await _run(tabs, writers, judge)
        await _converged(tabs, judge, wire)
    await client.close()
    frames = sum(len(tab.seen) for tab in tabs)
    print(  # noqa: T201
        f"seed {SEED}: {frames} frames, {judge.checked} results checked, "
        f"{sum(t.resumed for t in tabs)} resumed, {sum(t.unchanged for t in tabs)} unchanged, "
        f"{checked} while writing"
    )
    assert frames >= FRAMES


async def _run(tabs: list[Tab], writers: list[Any], judge: Judge) -> int:
    """Write and converse until there are enough frames, checking them while they are young."""
    stop = asyncio.Event()
    checked = 0
    async with asyncio.TaskGroup() as group, asyncio.timeout(SECONDS):
        running = [group.create_task(tab.run(stop)) for tab in tabs]
        positions = [0] * len(tabs)
        while sum(len(tab.seen) for tab in tabs) < FRAMES:
            for writer in writers * 5:
                await writer.write()
            for number, tab in enumerate(tabs):
                for seen in tab.seen[positions[number] :]:
                    await judge.check(seen)
                    checked += 1
                positions[number] = len(tab.seen)
            assert not any(each.done() for each in running)
        stop.set()
    for number, tab in enumerate(tabs):
        for seen in tab.seen[positions[number] :]:
            await judge.check(seen)
    return checked


async def _converged(tabs: list[Tab], judge: Judge, wire: SessionWire) -> None:
    """P4: once nobody writes, everybody shows the latest."""
    for tab in tabs:
        live = await tab.connect()
        for id, (query, args) in enumerate(QUERIES):
            await live.subscribe(id, query, args=args, since=tab.version)
        for id in range(len(QUERIES)):
            await live.until_shown(id, lambda _: True)
        for id, (query, args) in enumerate(QUERIES):
            named = wire.relay.hub.queries.named(query)
            version = await judge._store.ping()
            truth = await evaluate_at(judge._store, named, tab.viewer, args, version=version)
            shown = live.shows[id]
            text = json.dumps(shown, sort_keys=True)
            assert text == as_text(truth) or isinstance(truth, Failure)
