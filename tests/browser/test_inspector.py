"""Why did my tab update, or not: each way a change can end, followed in the inspector."""

from __future__ import annotations

import contextlib
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from websockets.exceptions import ConnectionClosed

from sessionwire.model import format_version
from sessionwire.policy.limits import Limits
from support.browser import open_tab
from support.frozen import frozen
from support.people import add_organization, add_person
from support.process import eventually
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.browser import Tab
    from support.people import Person
    from support.server import LiveClient, Running

pytestmark = pytest.mark.browser


class Inspected:
    """A server, a user on it, and the inspector of it in a tab."""

    def __init__(self, server: Running, store: Store, tab: Tab, ada: Person) -> None:
        self.server, self.store, self.tab, self.ada = server, store, tab, ada
        self.verdict = tab.named("pane").get_by_test_id("verdict").first
        self.events = tab.named("events").get_by_role("option")
        self.history = tab.named("history-row")

    async def open(self, hash: str = "") -> None:
        await self.tab.page.goto(f"{self.tab.address}/inspector{hash}")
        await expect(self.tab.named("light")).to_have_text("Live")

    async def write(self, collection: str, filter: dict[str, Any], **fields: Any) -> str:
        """Another program's update; its version, which the server has reached."""
        async with self.store.writing() as writing:
            await writing.update_one(collection, filter, {"$set": fields})
        await self.server.wire.relay.until(writing.version)
        return format_version(writing.version)

    async def rename(self, name: str) -> str:
        return await self.write("user", {"_id": self.ada.id}, name=name)

    async def grow(self) -> str:
        """What the query `big` shows is another one, and too much for the buffers of a socket."""
        return await self.write("user", {"_id": self.ada.id}, image="x" * 400_000 + token_hex(4))

    async def live(self, *queries: str) -> LiveClient:
        """A tab of the user that shows these queries."""
        live = await self.server.live(cookie=self.ada.cookie)
        for number, query in enumerate(queries, start=1):
            await live.subscribe(number, query)
            await live.until_shown(number, lambda data: True)
        if any(frame.get("ack") for frame in live.frames):  # so that it is asked again
            await live.send(op="ack", version=live.version)
            await live.send(op="ping")
            await live.until(lambda frame: frame["op"] == "pong")
        return live

    def connection(self) -> str:
        """The id of the newest connection."""
        *_, newest = self.server.wire.relay.hub.outboxes
        return newest.id

    async def follow(self, version: str) -> None:
        """Open the trace as a developer does: in the list."""
        await self.tab.named("events").locator(f'[data-name="{version}"]').click()
        await expect(self.tab.named("trace-version")).to_have_text(version)

    def step(self, name: str) -> Locator:
        return self.tab.named("steps").locator(f'[data-key="{name}"]')

    async def step_is(self, name: str, state: str, said: str = "") -> None:
        await expect(self.step(name)).to_have_attribute("data-state", state)
        await expect(self.step(name)).to_contain_text(said)

    async def says(self, text: str) -> None:
        await expect(self.verdict).to_contain_text(text)


@contextlib.asynccontextmanager
async def inspected(
    settings: Settings, store: Store, chromium: Browser, **limits: Any
) -> AsyncIterator[Inspected]:
    limited = settings.model_copy(update={"limits": Limits(**limits)})
    ada = await add_person(store, settings, "Ada")
    async with run_server(limited) as server, open_tab(chromium, server.address) as tab:
        server.wire.query("big")(lambda ctx: [ctx.get("user", ada.id).get("image", "")])
        here = Inspected(server, store, tab, ada)
        await here.open()
        yield here


async def test_a_change_is_followed_from_the_write_to_the_screen(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with inspected(settings, store, chromium) as here:
        live = await here.live("user", "session")
        version = await here.rename("Ada Lovelace")
        await here.follow(version)
        for name in ("Committed", "Received", "Applied", "Views affected", "Recomputed"):
            await here.step_is(name, "done")
        await here.step_is("Offered", "done", "to 1 connection")
        await here.step_is("Written", "done", "2 results")
        await here.step_is("Acknowledged", "none", "No client has said yet that it shows it.")
        await here.says("Everybody concerned was told; no client has acknowledged it.")

        frame = await live.until(lambda frame: frame.get("version") == version)
        assert frame["ack"] is True
        await live.send(op="ack", version=version)
        await here.step_is("Acknowledged", "done", "2 of 2 results")
        await here.says("Everybody who was told shows it.")
        times = [await each.inner_text() for each in await here.tab.page.locator(".offset").all()]
        assert len(times) == 8 and times[0].startswith("−") and times[1] == "+0.00 ms"
        await here.tab.page.keyboard.press("Escape")
        await expect(here.tab.named("write-to-screen")).to_contain_text("half within")
        await expect(here.tab.named("write-to-frame")).to_contain_text("half within")


async def test_what_reaches_nobody_says_where_it_stopped(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with inspected(settings, store, chromium) as here:
        stranger = await add_person(store, settings, "Nobody")
        organization = await add_organization(store, "Acme", {here.ada.id: "member"})
        await here.live("user")
        equal = await here.write("user", {"_id": here.ada.id}, favourite="secret-colour")
        unheld = await here.write("user", {"_id": stranger.id}, name="Still nobody")
        elsewhere = await here.write("organization", {"_id": organization}, name="Acme & Co")

        await here.follow(equal)
        await here.step_is("Recomputed", "stopped", "Stopped here: every query gave the same")
        await here.step_is("Offered", "none")
        await expect(here.tab.named("changes")).to_contain_text("1 field not listed")
        await expect(here.tab.named("views")).to_contain_text("equal")
        await here.follow(unheld)
        await here.step_is("Applied", "stopped", "Stopped here: nobody looks at any of these")
        await here.says("Stopped here: nobody looks at any of these documents.")

        await here.tab.named("tab-connections").click()
        await here.tab.named("connections").get_by_role("option").click()
        await expect(here.tab.named("history-row").first).to_contain_text("Not sent: it gave")
        await expect(here.tab.named("history")).not_to_contain_text("Not affected")
        await here.tab.named("all-changes").check()
        for version in (unheld, elsewhere):
            row = here.tab.named("history").locator(f'[data-key="{version}"]')
            await expect(row).to_contain_text("Not affected")
        assert "secret-colour" not in await here.tab.page.content()


async def test_a_tab_that_does_not_read_waits_and_newer_results_take_the_place_of_older_ones(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with inspected(settings, store, chromium, write_deadline=120.0) as here:
        async with frozen(here.server, here.ada.cookie, "big"):
            hub = here.server.wire.relay.hub
            await eventually(lambda: any(each.subscriptions for each in hub.outboxes))
            id = here.connection()
            versions = [await here.grow() for _ in range(5)]
            await here.follow(versions[-1])
            await here.step_is("Written", "waiting", "Waiting: the connection does not read; 1 res")
            await here.says("the oldest for")
            await here.follow(versions[-2])
            await here.step_is("Coalesced", "stopped", "1 result gave way to a newer one")
            delivery = here.tab.named("delivery").filter(has_text="Coalesced into")
            await delivery.get_by_role("link", name=versions[-1][-4:]).click()
            await expect(here.tab.named("trace-version")).to_have_text(versions[-1])

            await here.open(f"#connection={id}")
            await here.says("The connection does not read: 1 result waits, the oldest for")
            await expect(here.history.first).to_contain_text("Waiting")
            await expect(here.history.nth(1)).to_contain_text("Coalesced into")
            await here.history.nth(1).get_by_role("link").click()
            await expect(here.tab.named("on-connection")).to_contain_text("Coalesced into")
        await here.open(f"#connection={id}")
        await here.says("The client left before it took what was new.")


async def test_a_tab_that_never_reads_again_is_shown_as_evicted(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with inspected(settings, store, chromium, write_deadline=0.5) as here:
        async with frozen(here.server, here.ada.cookie, "big"):
            hub = here.server.wire.relay.hub
            await eventually(lambda: any(each.subscriptions for each in hub.outboxes))
            id = here.connection()
            versions = [await here.grow() for _ in range(4)]
            await eventually(lambda: hub.connections == 0)
            await here.follow(versions[-1])
            await here.step_is("Ended", "bad", "1 connection ended before it was sent: slow.")
            await expect(here.tab.named("delivery")).to_contain_text("Never sent. The connection e")
            await here.tab.named("delivery").get_by_role("link", name=id).click()
            await here.says("The connection ended: slow.")


async def test_a_revoked_session_ends_in_the_trace_of_its_revocation(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with inspected(settings, store, chromium) as here:
        live = await here.live("user")
        id = here.connection()
        async with store.writing() as writing:
            await writing.delete_one("session", {"_id": here.ada.session_id})
        with pytest.raises(ConnectionClosed):
            await live.until(lambda frame: False)
        await here.follow(format_version(writing.version))
        await here.step_is("Ended", "bad", "This change ended 1 connection: revoked.")
        await here.step_is("Acknowledged", "none")
        (row,) = [here.tab.named("delivery").filter(has_text="the session itself")]
        await expect(row).to_contain_text("This change ended the session")
        await expect(row).to_contain_text(str(here.ada.id)[-8:], use_inner_text=True)
        await here.open(f"#connection={id}")
        await here.says("The connection ended: revoked.")
