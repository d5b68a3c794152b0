"""In line for a document, within one process."""

from __future__ import annotations

import asyncio
import gc

import pytest

from sessionwire.errors import Unavailable
from sessionwire.store.turns import Turns

MINUTE = 60.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def stay(turns: Turns, name: str, seen: list[str], leave: asyncio.Event) -> None:
    async with turns.at("organization", name, until=now() + MINUTE):
        seen.append(name)
        await leave.wait()


async def test_of_one_document_it_is_one_at_a_time_and_of_two_it_is_two() -> None:
    turns, seen, leave = Turns(), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for name in ("a", "a", "b"):
            group.create_task(stay(turns, name, seen, leave))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert seen == ["a", "b"]
        leave.set()
    assert seen == ["a", "b", "a"]


async def test_who_waits_too_long_is_told_and_holds_up_nobody() -> None:
    turns = Turns()
    async with turns.at("user", 1, until=now() + MINUTE):
        with pytest.raises(Unavailable, match="Others are changing the same"):
            async with turns.at("user", 1, until=now() + 0.01):
                raise AssertionError("two at once")
    async with turns.at("user", 1, until=now() + MINUTE):
        pass


async def test_who_gives_up_waiting_and_whose_work_fails_leave_the_line() -> None:
    turns, leave = Turns(), asyncio.Event()
    first = asyncio.create_task(stay(turns, "a", [], leave))
    second = asyncio.create_task(stay(turns, "a", [], leave))
    await asyncio.sleep(0)
    second.cancel()
    leave.set()
    await asyncio.gather(first, second, return_exceptions=True)
    with pytest.raises(LookupError):
        async with turns.at("organization", "a", until=now() + MINUTE):
            raise LookupError
    async with turns.at("organization", "a", until=now() + MINUTE):
        pass


async def test_nothing_is_kept_of_a_document_that_nobody_is_at() -> None:
    turns = Turns()
    async with turns.at("organization", {"odd": ["id"]}, until=now() + MINUTE):
        assert len(turns) == 1
    gc.collect()
    assert len(turns) == 0
