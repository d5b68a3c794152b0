"""One browser for the run; devices and servers for each test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from support.browser import Devices, open_browser
from support.process import Served, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from support.server import Running

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@pytest.fixture
async def devices(chromium: Browser, server: Running) -> AsyncIterator[Devices]:
    async with contextlib.AsyncExitStack() as stack:
        yield Devices(chromium, server, stack)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server in a process of its own, with the demo."""
    async with serve(tmp_path / "data", "--demo") as running:
        yield running
