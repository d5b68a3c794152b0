"""The change stream on both drivers: in order, whole, and open to more collections."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.reactive.change import Delete, DocumentKey, Dropped, Put, Update
from sessionwire.store.feed import Advanced, Feed, Lost, Opened
from support.following import failing, following, ids_of

if TYPE_CHECKING:
    from sessionwire.model import Version
    from sessionwire.store.mongo import Store
    from support.following import Follower

KEY = DocumentKey("a", 1)


async def insert(store: Store, collection: str, *ids: Any, **fields: Any) -> Version:
    """The version of the last one."""
    async with store.writing() as writing:
        for id in ids:
            await writing.insert_one(collection, {"_id": id, **fields})
        return writing.version


async def test_changes_come_in_the_order_in_which_they_were_made(either: Store) -> None:
    async with following(either, "a") as follower, either.writing() as writing:
        versions = []
        await writing.insert_one("a", {"_id": 1, "n": 1})
        versions.append(writing.version)
        await writing.update_one("a", {"_id": 1}, {"$set": {"n": 2}, "$unset": {"m": ""}})
        versions.append(writing.version)
        await writing.delete_one("a", {"_id": 1})
        versions.append(writing.version)
        await follower.until_reached(writing.version)
    assert follower.changes == [
        Put(KEY, {"_id": 1, "n": 1}, inserted=True),
        Update(KEY, {"n": 2}),
        Delete(KEY),
    ]
    assert list(follower.seen) == versions


async def test_what_was_before_the_opening_is_not_told(either: Store) -> None:
    await insert(either, "a", 1, 2)
    async with following(either, "a") as follower:
        opened = follower.openings[0]
        version = await insert(either, "a", 3)
        await follower.until_reached(version)
    assert not opened.resumed
    assert [group.version for group in follower.groups if group.version > opened.version] == [
        version
    ]


async def test_collections_that_are_not_followed_are_not_told(either: Store) -> None:
    async with following(either, "a") as follower:
        await insert(either, "b", 1)
        await follower.until_reached(await insert(either, "a", 2))
    assert ids_of(follower.changes) == [2]


async def test_the_position_of_a_quiet_stream_advances(either: Store) -> None:
    async with following(either, "a") as follower:
        for id in range(3):
            version = await insert(either, "elsewhere", id)
            began = time.monotonic()
            await follower.until_reached(version, within=3)
            assert time.monotonic() - began < 1
    assert follower.groups == []
    assert not follower.losses


async def test_a_batch_says_how_far_the_stream_has_come_beyond_its_events(either: Store) -> None:
    """`follow` begins at the token: what lies between it and the position would be missed."""
    async with contextlib.aclosing(Feed(either, ["a"]).items()) as items:
        assert isinstance(await anext(items), Opened)
        version = await insert(either, "a", 1)
        beyond = await insert(either, "elsewhere", 1)
        told: list[Version] = []
        async for item in items:
            assert isinstance(item, Advanced)
            told += [group.version for group in item.groups]
            if told[-1:] == [version]:
                break
    assert isinstance(item, Advanced)
    assert item.version is not None
    assert item.version >= beyond > version


async def test_a_stream_that_begins_later_tells_what_came_after_its_version(either: Store) -> None:
    first = await insert(either, "a", 1)
    second = await insert(either, "a", 2)
    async with contextlib.aclosing(Feed(either, ["a"], since=first).items()) as items:
        assert await anext(items) == Opened(first, resumed=False)
        told: list[Any] = []
        async for item in items:
            assert isinstance(item, Advanced)
            told += item.groups
            if item.version is not None and item.version >= second:
                break
    assert [group.version for group in told] == [second]


async def test_a_stream_does_not_claim_to_have_passed_the_moment_it_begins_after(
    either: Store,
) -> None:
    """Its first token is of the next moment, at which something may still happen."""
    last = await insert(either, "a", 1)
    async with contextlib.aclosing(Feed(either, ["a"], since=last).items()) as items:
        assert isinstance(await anext(items), Opened)
        item = await anext(items)
    assert isinstance(item, Advanced)
    assert item.version is None or item.version != last + 1


async def test_history_that_is_gone_is_said_and_the_stream_begins_at_the_present(
    either: Store, admin: Any
) -> None:
    """286: ChangeStreamHistoryLost, as when the oplog does not reach back so far."""
    first = await insert(either, "a", 1)
    await insert(either, "a", 2)
    async with failing(admin, "aggregate", times=1, errorCode=286):
        async with contextlib.aclosing(Feed(either, ["a"], since=first).items()) as items:
            assert isinstance(await anext(items), Lost)
            opened = await anext(items)
    assert isinstance(opened, Opened) and not opened.resumed
    assert opened.version > first


# Transactions


async def test_transactions_are_whole_while_others_write(either: Store) -> None:
    generator = random.Random(7)
    sizes: dict[Version, int] = {}

    async def commit(number: int, size: int) -> None:
        async with either.writing() as writing:

            async def work() -> None:
                for each in range(size):
                    document = {"_id": f"{number}.{each}", "of": number}
                    await writing.insert_one(generator.choice("ab"), document)

            await writing.atomically("lock", number, work)
            sizes[writing.version] = size

    async def write_singly() -> None:
        for id in range(10_000):
            await insert(either, generator.choice("ab"), id)

    await insert(either, "a", "there")
    await insert(either, "b", "there")
    async with following(either, "a", "b") as follower, asyncio.TaskGroup() as group:
        single = group.create_task(write_singly())
        for first in range(0, 24, 4):
            async with asyncio.TaskGroup() as commits:
                for number in range(first, first + 4):
                    size = generator.choice([1, 2, 3, 10, 50, 200])
                    commits.create_task(commit(number, size))
        await follower.until_reached(max(sizes))
        single.cancel()
    assert {version: len(follower.seen[version].changes) for version in sizes} == sizes
    for version in sizes:
        numbers = {str(id).partition(".")[0] for id in ids_of([*follower.seen[version].changes])}
        assert len(numbers) == 1
    told = [group.version for group in follower.groups]
    assert len(told) == len(set(told))


async def test_a_transaction_larger_than_a_batch_is_one_group(either: Store) -> None:
    await insert(either, "a", "there")
    async with following(either, "a") as follower, either.writing() as writing:
        documents = [{"_id": id} for id in range(2_500)]

        async def work() -> None:
            await either._collection("a").insert_many(documents, session=writing._session)

        await writing.atomically("lock", 1, work)
        await follower.until_reached(writing.version)
    assert ids_of([*follower.seen[writing.version].changes]) == list(range(2_500))


async def test_a_transaction_larger_than_a_message_is_one_group(either: Store) -> None:
    await insert(either, "a", "there")
    async with following(either, "a") as follower, either.writing() as writing:

        async def work() -> None:
            for id in range(4):
                await writing.insert_one("a", {"_id": id, "large": "x" * 4_500_000})

        await writing.atomically("lock", 1, work)
        await follower.until_reached(writing.version)
    assert ids_of([*follower.seen[writing.version].changes]) == list(range(4))


# Collections that come and go


async def test_a_dropped_collection_is_told_and_its_successor_followed(either: Store) -> None:
    await insert(either, "a", 1)
    async with following(either, "a", "b") as follower:
        await either.client[either.raw.name].drop_collection("a")
        await follower.until_reached(await insert(either, "a", 2))
    assert ids_of(follower.changes)[-2:] == ["a", 2]
    assert follower.openings[1:] == []


async def test_a_collection_renamed_over_another_makes_both_unknown(either: Store) -> None:
    await insert(either, "a", 1)
    await insert(either, "new", 1)
    async with following(either, "a") as follower:
        await either.client[either.raw.name]["new"].rename("a", dropTarget=True)
        await follower.until_reached(await insert(either, "a", 2))
    assert Dropped("a") in follower.changes
    assert ids_of(follower.changes)[-1] == 2
    assert Dropped("a") in follower.changes


async def test_a_collection_renamed_away_is_unknown(either: Store) -> None:
    await insert(either, "a", 1)
    async with following(either, "a") as follower:
        await either.client[either.raw.name]["a"].rename("other")
        await follower.until_reached(await insert(either, "a", 2))
    assert ids_of(follower.changes)[-3:] == ["a", "other", 2]


async def test_nothing_is_missed_after_the_database_was_dropped(either: Store) -> None:
    await insert(either, "a", 1)
    async with following(either, "a") as follower:
        for round in range(3):
            await either.client.drop_database(either.raw.name)
            await follower.until_reached(await insert(either, "a", round))
    assert follower.changes.count(Dropped(None)) == 3
    told = ids_of([change for change in follower.changes if isinstance(change, Put)])
    assert told[-3:] == [0, 1, 2]
    assert [opened.resumed for opened in follower.openings[1:]] == [True] * 3


# Following more


async def test_a_collection_is_followed_from_where_the_stream_is(either: Store) -> None:
    """A load at any position since it is watched, and the changes after it, lack nothing."""
    generator = random.Random(11)
    written: dict[str, list[Version]] = {name: [] for name in "abcdefgh"}

    async def write(name: str) -> None:
        for id in range(10_000):
            written[name].append(await insert(either, name, f"{name}{id}"))

    async with following(either, "a") as follower, asyncio.TaskGroup() as group:
        tasks = [group.create_task(write(name)) for name in written]
        watched_at: dict[str, int] = {"a": follower.openings[0].version}
        for name in "bcdefgh":
            count = len(follower.items) + generator.randrange(1, 20)
            await _more(follower, count)
            follower.feed.follow([name])
            await follower.until(lambda name=name: name in follower.feed.watched)  # type: ignore[misc]
            watched_at[name] = follower.position
        await _more(follower, len(follower.items) + 20)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await follower.until_reached(await either.ping())
    for name, versions in written.items():
        missed = [v for v in versions if v > watched_at[name] and v not in follower.seen]
        assert not missed, name
    assert all(opened.resumed for opened in follower.openings[1:])


async def _more(follower: Follower, count: int) -> None:
    await follower.until(lambda: len(follower.items) >= count)


async def test_following_what_is_followed_opens_nothing(either: Store) -> None:
    async with following(either, "a", "b") as follower:
        follower.feed.follow(["a"])
        follower.feed.follow(["b", "a"])
        await follower.until_reached(await insert(either, "a", 1))
        await _more(follower, len(follower.items) + 2)
    assert len(follower.openings) == 1


# Ending


@pytest.mark.usefixtures("outage")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_feed_ends_at_any_moment_and_leaves_no_cursor(either: Store, admin: Any) -> None:
    async def write() -> None:
        for id in range(100_000):
            await insert(either, "a", id)

    before = (await admin.command("serverStatus"))["metrics"]["cursor"]["open"]["total"]
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        for turns in range(40):
            async with asyncio.timeout(5):
                async with following(either, "a"):
                    for _ in range(turns):
                        await asyncio.sleep(0)
        writing.cancel()
    after = (await admin.command("serverStatus"))["metrics"]["cursor"]["open"]["total"]
    assert after <= before + 3
