"""One Chromium for the pages of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.browser import open_browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser
