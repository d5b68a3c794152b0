"""Both servers on one database, and browsers that know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

from better_auth.sites import Browser
from sessionwire.model import parse_id

if TYPE_CHECKING:
    import contextlib

    from better_auth.sites import Site
    from sessionwire.store.mongo import Store
    from support.server import LiveClient, Running

__all__ = ["AT_ONCE", "BOTH_WAYS", "Pair", "ended", "grow_older"]

AT_ONCE = 5.0  # well under a second on a machine that does nothing else
BOTH_WAYS = pytest.mark.parametrize("first", ["theirs", "ours"])


@dataclass
class Pair:
    """Both servers, and browsers that know them."""

    running: Running
    site: Site
    store: Store
    browsers: contextlib.AsyncExitStack

    @property
    def ours(self) -> str:
        return self.running.address

    @property
    def theirs(self) -> str:
        return self.site.address

    def sites(self, first: str) -> tuple[str, str]:
        """The one that acts, and the one that has to notice."""
        return (self.theirs, self.ours) if first == "theirs" else (self.ours, self.theirs)

    async def browser(self) -> Browser:
        return await self.browsers.enter_async_context(Browser.opened())

    async def sign_up(self, site: str, name: str) -> Browser:
        browser = await self.browser()
        await browser.sign_up(site, name)
        return browser

    async def sign_in(self, site: str, person: Browser, **more: object) -> Browser:
        browser = await self.browser()
        await browser.sign_in(site, person, **more)
        return browser

    async def watch(self, browser: Browser, query: str = "session") -> LiveClient:
        """A live connection of this browser to ours, which shows the query."""
        live = await self.running.live(browser.http)
        await live.subscribe(1, query)
        await live.until_shown(1, lambda shown: shown is not None)
        return live


async def ended(live: LiveClient) -> dict[str, Any]:
    """The `bye` of a connection that ends at once."""
    bye = await live.until(lambda frame: frame["op"] == "bye", within=AT_ONCE)
    with pytest.raises(ConnectionClosed):
        await live.receive()
    return bye


async def grow_older(store: Store, browser: Browser, age: timedelta) -> None:
    """The user's sessions look as if nobody had used them for that long."""
    back = -age // timedelta(milliseconds=1)
    dates = ("createdAt", "updatedAt", "expiresAt")
    earlier = {name: {"$add": [f"${name}", back]} for name in dates}
    async with store.writing() as writing:
        for each in await store.find("session", {"userId": parse_id(browser.id)}):
            await writing.update_one("session", {"_id": each["_id"]}, [{"$set": earlier}])
