"""React in StrictMode: a part renders when its slice of the session changes, never otherwise."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from browser.client_pages.site import PAGES
from browser.client_pages.stage import open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from browser.client_pages.recording import Recording
    from browser.client_pages.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

CLIENT = Path(__file__).parents[2] / "client_js"
MODULES = CLIENT / "node_modules"
ESBUILD = MODULES / ".bin" / "esbuild"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not ESBUILD.exists(), reason="needs `npm install` in client_js"),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, and the React one bundled for development, with its checks and double renders."""
    directory = tmp_path_factory.mktemp("pages")
    for each in PAGES.glob("*.html"):
        shutil.copy(each, directory)
    command = [
        *(str(ESBUILD), str(PAGES / "react.jsx"), "--bundle", "--jsx=automatic", "--jsx-dev"),
        f"--outfile={directory / 'react.bundle.js'}",
        '--define:process.env.NODE_ENV="development"',
        f"--alias:sessionwire/react={CLIENT / 'src' / 'react.js'}",
        f"--alias:sessionwire={CLIENT / 'src' / 'index.js'}",
        "--log-level=warning",
    ]
    environment = {"NODE_PATH": str(MODULES), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run(command, check=True, env=environment, cwd=CLIENT)
    return directory


@pytest.fixture
async def stage(
    chromium: Browser, settings: Settings, store: Store, pages: Path
) -> AsyncIterator[Stage]:
    async with open_stage(chromium, settings, pages=pages) as stage:
        yield stage


async def signed_in(stage: Stage) -> Recording:
    device = await stage.device()
    tab = await device.open("react.html")
    tab.page.on("console", lambda message: complain(tab, message.type, message.text))
    await tab.sign_up("Ada")
    await expect(tab.page.locator("#name")).to_have_text("Ada")
    await expect(tab.page.locator("#members")).to_have_text("1")
    return tab


def complain(tab: Recording, kind: str, text: str) -> None:
    """React's warnings fail the test."""
    if kind in ("error", "warning"):
        tab.uncaught.append(text)


async def commits(tab: Recording) -> dict[str, int]:
    counted: dict[str, int] = await tab.page.evaluate("() => ({ ...commits })")
    return counted


async def test_a_part_renders_only_when_its_slice_changes(stage: Stage) -> None:
    tab = await signed_in(stage)
    before = await commits(tab)
    await stage.rename("Ada Lovelace")
    await expect(tab.page.locator("#name")).to_have_text("Ada Lovelace")
    renamed = await commits(tab)
    # The members carry the name, too; nothing else does.
    changed = {each: renamed[each] - before[each] for each in renamed}
    assert changed == {"Name": 1, "Role": 0, "Scope": 0, "Organizations": 0, "Members": 1}

    await stage.write("organization", "update_many", {}, {"$set": {"name": "Engines"}})
    await expect(tab.page.locator("#organizations")).to_have_text("Engines")
    after = await commits(tab)
    changed = {each: after[each] - renamed[each] for each in after}
    assert changed == {"Name": 0, "Role": 0, "Scope": 0, "Organizations": 1, "Members": 1}


async def test_a_write_that_concerns_nothing_shown_renders_nothing(stage: Stage) -> None:
    tab = await signed_in(stage)
    before = await commits(tab)
    await stage.write("user", "update_one", {}, {"$set": {"theirs": 1}})
    await stage.write("organization", "update_many", {}, {"$set": {"theirs": 1}})
    for _ in range(10):
        await tab.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    await tab.done("updateUser", {"name": "Ada"})  # a round trip, after which all has arrived
    assert await commits(tab) == before


async def test_mounting_and_unmounting_makes_no_request_and_no_storm_of_frames(
    stage: Stage,
) -> None:
    tab = await signed_in(stage)
    requests: list[str] = []
    frames: list[object] = []
    opened = len(tab.sockets)
    tab.page.on("request", lambda request: requests.append(request.url))
    tab.sockets[-1].on("framesent", lambda frame: frames.append(frame))
    for _ in range(20):
        for is_open in ("true", "false"):
            await tab.page.evaluate(f"() => open_devices({is_open})")
    await tab.page.evaluate("() => open_devices(true)")
    await expect(tab.page.locator("#devices").first).to_have_text("1")
    await expect(tab.page.locator("#devices")).to_have_count(50)
    assert requests == []
    assert len(frames) <= 3, "subscribed more than once"
    assert len(tab.sockets) == opened
