"""Background tasks end with their block, whatever they do about it."""

from __future__ import annotations

import asyncio

import pytest

from sessionwire.tasks import background, deadline, off_the_clock


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


async def test_who_does_not_end_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sessionwire.tasks._PATIENCE", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 25:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1

    async with asyncio.timeout(5), background(stubborn()):
        await asyncio.sleep(0)
    said = [each.getMessage() for each in caplog.records if each.name == "sessionwire"]
    assert len(said) == 2 and all("stubborn" in each for each in said)


async def test_an_error_of_a_task_ends_the_block() -> None:
    async def broken() -> None:
        raise LookupError

    with pytest.raises(ExceptionGroup) as caught:
        async with background(broken()):
            await asyncio.sleep(3600)
    assert isinstance(caught.value.exceptions[0], LookupError)


async def test_a_deadline_does_not_count_what_is_off_the_clock() -> None:
    async with deadline(0.05):
        with off_the_clock():
            await asyncio.sleep(0.1)
        with off_the_clock():
            pass
    with pytest.raises(TimeoutError):
        async with deadline(0.05):
            with off_the_clock():
                await asyncio.sleep(0)
            await asyncio.sleep(3600)


async def test_off_the_clock_needs_no_deadline() -> None:
    with off_the_clock():
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with deadline(0):
            await asyncio.sleep(3600)
