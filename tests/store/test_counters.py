"""Counts in MongoDB: the same as in memory, exact under concurrency, and gone when unused."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sessionwire.errors import Unavailable
from sessionwire.policy.throttle import ACCOUNT, CREDENTIALS, MAIL, Recent, Rule
from sessionwire.store.codec import CODEC
from sessionwire.store.counters import COLLECTION, Counters

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

START = datetime(2099, 1, 1, tzinfo=UTC)


def a_key() -> str:
    return f"test:{secrets.token_hex(8)}"


@pytest.mark.parametrize("rule", [CREDENTIALS, MAIL, ACCOUNT, Rule.at_most(1, seconds=2)])
async def test_a_count_in_mongodb_is_the_count_in_memory(store: Store, rule: Rule) -> None:
    counters, recent, key = Counters(store), Recent(rule, capacity=1), a_key()
    gaps = (0, 0.5, 0, 0, rule.window - 0.001, 0.001, 1, 0, 0, 3, 0, rule.window, 0, 0, 0, 0, 0, 0)
    seconds = 0.0
    for gap in gaps * 3:
        seconds = round(seconds + gap, 3)
        now = START + timedelta(seconds=seconds)
        kept = await counters.take(key, rule, now=now)
        assert kept == pytest.approx(recent.take(key, now=now.timestamp()), abs=0.002)


async def test_of_many_tries_at_once_no_more_than_the_limit_come_through(store: Store) -> None:
    counters, key = Counters(store), a_key()
    tries = (counters.take(key, CREDENTIALS, now=START) for _ in range(50))
    waits = await asyncio.gather(*tries)
    assert sorted(waits) == [0.0] * 3 + [10.0] * 47


async def test_a_forgotten_count_begins_anew(store: Store) -> None:
    counters, key = Counters(store), a_key()
    rule = Rule.at_most(1, seconds=10)
    assert await counters.take(key, rule, now=START) == 0
    assert await counters.take(key, rule, now=START) == 10
    await counters.forget(key)
    assert await counters.take(key, rule, now=START) == 0


async def test_rl_01_a_count_is_removed_once_it_means_nothing_any_more(store: Store) -> None:
    counters, key = Counters(store), a_key()
    await counters.take(key, MAIL, now=START)
    collection = store.client.get_database(store.name, codec_options=CODEC)[COLLECTION]
    found = await collection.find_one({"_id": key})
    assert found is not None and found["expiresAt"] == START + timedelta(seconds=60)
    indexes = await collection.index_information()
    assert indexes["sessionThrottle_expiresAt_ttl"]["expireAfterSeconds"] == 0


async def test_a_mark_stands_until_its_moment_and_counts_nothing(store: Store) -> None:
    counters, key = Counters(store), a_key()
    assert not await counters.marked([key])
    await counters.mark(key, until=START)
    assert await counters.marked([a_key(), key])


async def test_a_database_that_is_away_is_unavailable(store: Store) -> None:
    counters = Counters(store)
    fail = {"configureFailPoint": "failCommand", "mode": "alwaysOn"}
    data = {"failCommands": ["findAndModify"], "errorCode": 13}
    await store.client.admin.command({**fail, "data": data})
    try:
        with pytest.raises(Unavailable):
            await counters.take(a_key(), MAIL, now=START)
    finally:
        await store.client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
