"""A Chromium as people have it: it freezes tabs, and keeps pages for going back.

Playwright's own one pretends that every tab is in front, and switches that cache off.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import BrowserContext

__all__ = ["open_plain_context"]

_ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
_ANNOUNCED = "DevTools listening on "


@contextlib.asynccontextmanager
async def open_plain_context(profile: Path) -> AsyncIterator[BrowserContext]:
    """A browser of its own, with the profile in this directory."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium")
    process = await asyncio.create_subprocess_exec(
        program,
        *_ARGUMENTS,
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        address = await asyncio.wait_for(_announced(process), 30)
        async with asyncio.TaskGroup() as group, async_playwright() as playwright:
            reading = group.create_task(_forget_all(process))
            browser = await playwright.chromium.connect_over_cdp(address, no_defaults=True)
            context = browser.contexts[0]
            context.set_default_timeout(10_000)
            yield context
            await browser.close()
            reading.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _announced(process: Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        text = line.decode()
        if _ANNOUNCED in text:
            return text.partition(_ANNOUNCED)[2].strip()
    raise AssertionError("Chromium ended")


async def _forget_all(process: Process) -> None:
    """A full pipe would stop it."""
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        pass
