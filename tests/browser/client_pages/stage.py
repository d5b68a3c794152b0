"""A site, the devices that look at it, and another program that writes beside it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from browser.client_pages.recording import Device, device
from browser.client_pages.site import PAGES, Site
from support.process import write_from_elsewhere
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from sessionwire.settings import Settings

__all__ = ["Stage", "open_stage", "write"]


@dataclass
class Stage:
    """Everything of one test; its devices are closed, and judged, with it."""

    browser: Browser
    settings: Settings
    site: Site
    address: str
    stack: contextlib.AsyncExitStack

    async def device(self) -> Device:
        return await self.stack.enter_async_context(device(self.browser, self.address))

    @property
    def connections(self) -> int:
        """How many live connections the server has."""
        return self.site.connections

    async def write(self, collection: str, method: str, *arguments: Any) -> None:
        """By another program, straight into the database."""
        await write(self.settings, collection, method, *arguments)

    async def rename(self, name: str, *, email: str = "ada@example.com") -> None:
        """Another program gives the user another name."""
        await self.write("user", "update_one", {"email": email}, {"$set": {"name": name}})


@contextlib.asynccontextmanager
async def open_stage(
    browser: Browser, settings: Settings, *, pages: Path = PAGES
) -> AsyncIterator[Stage]:
    site = Site(settings, pages=pages)
    async with run_server(settings, wire=site) as server, contextlib.AsyncExitStack() as stack:
        yield Stage(browser, settings, site, server.address, stack)


async def write(settings: Settings, collection: str, method: str, *arguments: Any) -> None:
    """By another program, straight into the database of `settings`."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    await write_from_elsewhere(uri, settings.database, collection, method, *arguments)
