"""Background tasks end with their block, whatever they do about it."""

from __future__ import annotations

import asyncio

import pytest

from sessionwire.tasks import background


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    async with asyncio.timeout(5), background(stubborn()):
        await asyncio.sleep(0)
    assert swallowed == 3


async def test_an_error_of_a_task_ends_the_block() -> None:
    async def broken() -> None:
        raise LookupError

    with pytest.raises(ExceptionGroup) as caught:
        async with background(broken()):
            await asyncio.sleep(3600)
    assert isinstance(caught.value.exceptions[0], LookupError)
