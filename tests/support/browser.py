"""One Chromium for all tests, and tabs of it that remember every complaint."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import async_playwright, expect

from support.process import write_from_elsewhere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page

    from support.server import Running

__all__ = ["PASSWORD", "Devices", "Tab", "open_browser", "open_tab"]

PASSWORD = "correct horse battery"
_ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
_OUTAGE = ("WebSocket connection to ", "Failed to load resource")


@dataclass
class Tab:
    """A page of the demo, in a browser context (a device) of its own."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    is_outage: bool = False

    @property
    def light(self) -> Locator:
        return self.named("connection-light")

    @property
    def organization(self) -> Locator:
        """The active one's name, in the bar."""
        return self.named("organization-name")

    @property
    def reason(self) -> Locator:
        """Why the session ended, in words."""
        return self.named("banner-reason")

    def named(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def open(self) -> None:
        await self.page.goto(self.address)

    async def sign_up(self, name: str, *, email: str | None = None) -> None:
        """By the form; returns when the dashboard is live."""
        await self.open()
        await self.named("tab-sign-up").click()
        await self.named("sign-up-name").fill(name)
        await self.named("sign-up-email").fill(email or email_of(name))
        await self.named("sign-up-password").fill(PASSWORD)
        await self.named("sign-up-submit").click()
        await self.shows_user(name)

    async def sign_in(self, name: str, *, password: str = PASSWORD) -> None:
        """By the form; returns when the dashboard is live."""
        await self.open()
        await self.named("sign-in-email").fill(email_of(name))
        await self.named("sign-in-password").fill(password)
        await self.named("sign-in-submit").click()
        await self.shows_user(name)

    async def shows_user(self, name: str) -> None:
        await expect(self.named("user-name")).to_have_text(name)
        await expect(self.light).to_have_text("Live")

    async def shows_reason(self, text: str) -> None:
        """The page for visitors, with this reason on it."""
        await expect(self.reason).to_have_text(text)
        await expect(self.named("sign-in-form")).to_be_visible()
        await expect(self.named("user-name")).to_be_hidden()

    async def create_organization(self, name: str) -> None:
        """By the switcher's form; it becomes the active one."""
        await self.named("organization-switcher").click()
        await self.named("new-organization").click()
        await self.named("new-organization-name").fill(name)
        await self.named("new-organization-submit").click()
        await expect(self.organization).to_have_text(name)

    async def switch_to(self, name: str) -> None:
        """By the switcher's menu; returns once it is shown."""
        await self.named("organization-switcher").click()
        await self.named("organization-option").filter(has_text=name).click()
        await expect(self.organization).to_have_text(name)

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Failing connections are no complaint while the block runs."""
        self.is_outage = True
        try:
            yield
        finally:
            self.is_outage = False

    def heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if not (self.is_outage and message.text.startswith(_OUTAGE)):
            self.complaints.append(f"{message.type}: {message.text}")

    def failed(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error}")


def email_of(name: str) -> str:
    return f"{name.lower()}@example.com"


@contextlib.asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A headless Chromium; the test that asks for it is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def open_tab(browser: Browser, address: str, **options: Any) -> AsyncIterator[Tab]:
    """A blank page on a new device. At the end, its complaints fail the test."""
    context = await browser.new_context(**{"locale": "en-GB", **options})
    context.set_default_timeout(10_000)
    try:
        tab = Tab(await context.new_page(), address)
        tab.page.on("console", tab.heard)
        tab.page.on("pageerror", tab.failed)
        yield tab
    finally:
        await context.close()
    assert not tab.complaints, tab.complaints


@dataclass
class Devices:
    """Opens tabs on one server, each on a device of its own, and closes them with the test."""

    browser: Browser
    server: Running
    stack: contextlib.AsyncExitStack

    async def tab(self, **options: Any) -> Tab:
        opened = open_tab(self.browser, self.server.address, **options)
        return await self.stack.enter_async_context(opened)

    async def write(self, collection: str, method: str, *arguments: Any) -> None:
        """By another program, straight into the server's database."""
        settings = self.server.wire.settings
        assert settings.mongodb_uri is not None
        uri = settings.mongodb_uri.get_secret_value()
        await write_from_elsewhere(uri, settings.database, collection, method, *arguments)
