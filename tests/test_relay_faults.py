"""The relay while queries, observers, documents and MongoDB fail: nothing else stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from bson import Binary, Code

from sessionwire.errors import Unavailable
from sessionwire.reactive.change import Change, Group, Put
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.mongo import Store
from support.following import stopped
from support.relaying import QUICK, Rig, put, relaying, subscribed, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def outage() -> Iterator[None]:
    """PyMongo leaves the sockets of cancelled connection attempts to the garbage collector."""
    yield
    gc.collect()


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    async with relaying(store) as running:
        yield running


@pytest.fixture(scope="module")
async def own(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[EmbeddedMongo, Store]]:
    """A mongod that may be stopped, and its store."""
    async with (
        EmbeddedMongo(tmp_path_factory.mktemp("own")) as mongo,
        Store.open(mongo.uri, database="app") as store,
    ):
        yield mongo, store


# Observers


async def test_observers_see_every_insert(rig: Rig) -> None:
    seen: list[Change] = []
    rig.relay.observers.append(seen.append)
    async with rig.store.writing() as writing:
        for id in range(5):
            await writing.insert_one("a", {"_id": id})
        await rig.relay.until(writing.version)
    await until(lambda: len(seen) >= 5)
    assert [c.key.id for c in seen if isinstance(c, Put) and c.inserted][-5:] == [0, 1, 2, 3, 4]


async def test_an_observer_that_raises_stops_nobody(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(change: Change) -> None:
        raise LookupError

    seen: list[Change] = []
    rig.relay.observers += [fail, seen.append]
    epoch = rig.hub.replica.epoch
    async with rig.store.writing() as writing:
        for n in range(3):
            await rig.relay.until(await put(writing, n=n))
            assert await rig.value("number") == n
    await until(lambda: len(seen) >= 3)
    assert rig.hub.replica.epoch == epoch
    assert "An observer failed" in caplog.text


# Faults of the application


async def test_a_query_that_raises_at_a_change_stops_nobody(rig: Rig) -> None:
    async with rig.store.writing() as writing:
        await rig.relay.until(await put(writing, n=1))
        subscribed(rig, "touchy")
        assert await rig.value("touchy") == 1
        for n in (0, 2, 0, 4):
            await rig.relay.until(await put(writing, n=n))
            assert await rig.value("number") == n
        assert await rig.value("touchy") == 0.25


async def test_a_change_that_cannot_be_applied_makes_everything_load_anew(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """A value of a kind that nobody can compare, in a field that is watched."""
    async with rig.store.writing() as writing:
        await rig.relay.until(await put(writing, n=1, field="x"))
        assert await rig.value("by_any_value", value="x") == 1
        assert await rig.value("number") == 1
        caplog.set_level(logging.CRITICAL, "sessionwire.relay")
        await rig.relay.until(await put(writing, n=2, field=Code("x")))
        assert await rig.value("number") == 2
        await rig.relay.until(await put(writing, n=3, field="x"))
        assert await rig.value("number") == 3
        assert await rig.value("by_any_value", value="x") == 1


async def test_a_hub_that_fails_at_a_change_shows_that_change_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins anew where the stream is: the change is not told a second time."""
    async with rig.store.writing() as writing:
        await rig.relay.until(await put(writing, n=1))
        subscribed(rig, "number")  # loads at once what is to be loaded anew
        assert await rig.value("number") == 1
        apply, failures = rig.hub.replica.apply, list[Group]()

        def fail_once(group: Group) -> Any:
            if not failures:
                failures.append(group)
                raise LookupError
            return apply(group)

        monkeypatch.setattr(rig.hub.replica, "apply", fail_once)
        await rig.relay.until(await put(writing, n=2))
        assert len(failures) == 1
        assert await rig.value("number") == 2


@pytest.mark.parametrize("value", [2**70, 1e300, 10**400])
async def test_a_value_that_no_document_can_have_is_found_nowhere(rig: Rig, value: Any) -> None:
    assert await rig.value("by_any_id", id=value) is False
    assert await rig.value("by_any_value", value=value) == 0


async def test_what_cannot_be_read_keeps_nobody_else_waiting(store: Store) -> None:
    await store._collection("a").insert_one({"_id": 7, "uuid": Binary(b"too short", 4)})
    async with relaying(store, limits=QUICK) as rig, asyncio.TaskGroup() as group:
        bad = [
            group.create_task(_unavailable(rig, "nowhere")),
            group.create_task(_unavailable(rig, "number", id=7)),
        ]
        good = [group.create_task(rig.value("number", id=id)) for id in range(100, 200)]
        done, _ = await asyncio.wait(good, timeout=0.8)
        assert len(done) == 100
        await asyncio.wait(bad)
        assert await rig.value("number", id=300) is None


async def _unavailable(rig: Rig, query: str, **args: Any) -> None:
    with pytest.raises(Unavailable):
        await rig.value(query, **args)


# Running


async def test_what_the_block_raises_is_raised_as_it_is(store: Store) -> None:
    with pytest.raises(LookupError):
        async with relaying(store):
            raise LookupError
    with pytest.raises(TimeoutError):
        async with relaying(store):
            raise TimeoutError


async def test_a_stream_that_does_not_open_is_unavailable(
    own: tuple[EmbeddedMongo, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionwire.relay._OPENS_WITHIN", 0.3)
    mongo, store = own
    with stopped(mongo.pid), pytest.raises(Unavailable, match="did not open"):
        async with relaying(store):
            pass


async def test_a_relay_ends_at_any_moment(store: Store) -> None:
    async def write() -> None:
        async with store.writing() as writing:
            for n in range(100_000):
                await put(writing, n=n)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        for turns in range(30):
            async with asyncio.timeout(5):
                async with relaying(store) as rig:
                    subscribed(rig, "number")
                    for _ in range(turns):
                        await asyncio.sleep(0)
        writing.cancel()


# Outages


async def test_an_outage_is_bounded_visible_and_over_when_it_is_over(
    own: tuple[EmbeddedMongo, Store],
) -> None:
    mongo, store = own
    async with relaying(store, limits=QUICK) as rig:
        async with store.writing() as writing:
            await rig.relay.until(await put(writing, n=1))
        assert await rig.value("number") == 1
        with stopped(mongo.pid):
            began = time.monotonic()
            with pytest.raises(Unavailable):  # nobody has read it before
                await rig.value("number", id=2)
            assert time.monotonic() - began < QUICK.read_deadline + 1
            await until(lambda: not rig.relay.live, within=QUICK.max_staleness + 1)
            began = time.monotonic()
            with pytest.raises(Unavailable):  # held, but nobody could say whether it still is so
                await rig.value("number")
            assert time.monotonic() - began < QUICK.read_deadline + 1
            await until(lambda: not rig.hub.verifiable, within=QUICK.unverifiable_after + 1)
        await until(lambda: rig.relay.live and rig.hub.verifiable)
        async with store.writing() as writing:
            await rig.relay.until(await put(writing, n=2))
        assert await rig.value("number") == 2
        assert await rig.value("number", id=2) is None
