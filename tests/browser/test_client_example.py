"""The React example, as Vite builds it, against the real server: what its reader would see."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from browser.client_pages.recording import PASSWORD
from browser.client_pages.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

EXAMPLE = Path(__file__).parents[2] / "client_js" / "examples" / "react"
VITE = EXAMPLE / "node_modules" / ".bin" / "vite"

pytestmark = pytest.mark.browser

needs_vite = pytest.mark.skipif(
    not VITE.exists(), reason="needs `npm install` in client_js/examples/react"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("example")
    subprocess.run(
        [VITE, "build", "--base", "/pages/", "--outDir", directory, "--logLevel", "warn"],
        cwd=EXAMPLE,
        check=True,
        timeout=120,
    )
    return directory


@pytest.fixture
async def stage(
    chromium: Browser, settings: Settings, store: Store, pages: Path
) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings, pages=pages) as stage:
        yield stage


async def open_example(stage: Stage) -> Page:
    """On a device of its own."""
    page = await (await stage.device()).context.new_page()
    await page.goto(f"{stage.address}/pages/index.html")
    return page


async def enter(page: Page) -> None:
    await page.get_by_label("Email").fill("ada@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Continue").click()


async def create(page: Page, name: str) -> None:
    await page.get_by_label("Name of the new organization").fill(name)
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


@needs_vite
async def test_the_example_signs_up_and_switches_for_all_devices(stage: Stage) -> None:
    laptop, phone = await open_example(stage), await open_example(stage)
    await laptop.get_by_role("button", name="I am new here").click()
    await laptop.get_by_label("Name").fill("Ada")
    await enter(laptop)
    await expect(laptop.get_by_role("status")).to_have_text("live")
    for name in ("Engines", "Looms"):
        await create(laptop, name)
    await enter(phone)
    await expect(phone.get_by_role("heading", name="Looms", exact=True)).to_be_visible()

    await phone.get_by_label("Active organization").select_option(label="Engines")
    for page in (laptop, phone):
        await expect(page.get_by_role("heading", name="Engines", exact=True)).to_be_visible()
        await expect(page.locator("option:checked")).to_have_text("Engines")

    await laptop.get_by_label("Your name").fill("Ada Lovelace")
    await laptop.get_by_role("button", name="Save").click()
    await expect(phone.get_by_label("Your name")).to_have_value("Ada Lovelace")

    await laptop.get_by_role("listitem").get_by_role("button", name="Sign out").click()
    await expect(phone.get_by_text("signed out from another")).to_be_visible()
    await expect(laptop.get_by_role("status")).to_have_text("live")


def test_the_example_is_less_than_150_lines_of_the_developers_code() -> None:
    sources = (EXAMPLE / "src").glob("*.jsx")
    lines = [line for each in sources for line in each.read_text().splitlines()]
    assert 0 < len(lines) < 150, len(lines)
