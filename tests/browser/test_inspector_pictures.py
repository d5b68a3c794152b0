"""The pictures of docs/inspector.md, taken with `SESSIONWIRE_SCREENSHOTS=1`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from websockets.exceptions import ConnectionClosed

from support.browser import open_tab
from support.frozen import frozen
from support.people import add_organization, add_person
from support.server import run_server

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person
    from support.server import LiveClient, Running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        os.environ.get("SESSIONWIRE_SCREENSHOTS") != "1", reason="takes pictures on demand"
    ),
]

IMAGES = Path(__file__).parents[2] / "docs" / "images"
VIEWPORT = {"width": 1360, "height": 880}


async def show(server: Running, person: Person) -> LiveClient:
    """A tab of theirs, as far as its first answers."""
    live = await server.live(cookie=person.cookie)
    for number, query in enumerate(("session", "organizations", "devices"), start=1):
        await live.subscribe(number, query)
        await live.until_shown(number, lambda data: True)
    return live


async def acknowledge(live: LiveClient) -> None:
    """Show all that comes, as the JavaScript client does."""
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        if any(frame.get("ack") for frame in live.frames):
            await live.send(op="ack", version=live.version)
        while True:
            frame = await live.receive(within=120)
            if frame.get("ack"):
                await live.send(op="ack", version=frame["version"])


async def test_the_inspector_is_pictured(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    people = [await add_person(store, settings, name) for name in ("Ada", "Grace", "Charles")]
    ada, grace, charles = people
    team = await add_organization(store, "Engines", {each.id: "member" for each in people})
    async with run_server(settings) as server, asyncio.TaskGroup() as group:
        server.wire.query("drawing")(lambda ctx: [ctx.get("user", ada.id).get("image", "")])
        tabs = [await show(server, each) for each in (*people, ada)]
        following = [group.create_task(acknowledge(each)) for each in tabs]
        async with frozen(server, ada.cookie, "session", "drawing"):
            await _write(server, store, ada, grace, charles, team)
            for scheme in ("light", "dark"):
                options = {"color_scheme": scheme, "viewport": VIEWPORT, "device_scale_factor": 1.5}
                async with open_tab(chromium, server.address, **options) as tab:
                    await tab.page.goto(f"{tab.address}/inspector")
                    events = tab.named("events").get_by_role("option")
                    if scheme == "light":
                        await events.filter(has_text="coalesced").first.click()
                        await expect(tab.named("step").first).to_be_visible()
                    else:
                        await tab.named("tab-connections").click()
                        waiting = tab.named("connections").get_by_role("option")
                        await waiting.filter(has_text="Does not read").click()
                        await expect(tab.named("history-row").nth(2)).to_be_visible()
                    path = IMAGES / f"inspector-{scheme}.png"
                    await tab.page.screenshot(path=path, animations="disabled")
        for each in following:
            each.cancel()


async def _write(
    server: Running, store: Store, ada: Person, grace: Person, charles: Person, team: object
) -> None:
    """A busy minute of an application."""
    async with store.writing() as writing:
        for person, name in ((ada, "Ada Lovelace"), (grace, "Grace Hopper")):
            await writing.update_one("user", {"_id": person.id}, {"$set": {"name": name}})
        await writing.update_one("user", {"_id": ada.id}, {"$set": {"lastSeenAt": 1}})
        await writing.update_one(
            "member", {"userId": grace.id, "organizationId": team}, {"$set": {"role": "admin"}}
        )
        for number in range(6):
            image = {"$set": {"image": f"{number}" + "x" * 300_000}}
            await writing.update_one("user", {"_id": ada.id}, image)
            await server.wire.relay.until(writing.version)
        await writing.delete_one("session", {"_id": charles.session_id})
        await writing.update_one("organization", {"_id": team}, {"$set": {"name": "Engines & Co"}})
    await server.wire.relay.until(writing.version)
