"""The inspector in use: without a mouse, for assistive technology, under load, and as a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from sessionwire import SessionWire
from sessionwire.model import format_date
from support.browser import PASSWORD, open_tab
from support.people import add_person
from support.server import run_server

if TYPE_CHECKING:
    from playwright.async_api import Browser, Request, Route

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.browser import Devices, Tab
    from support.server import Running

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "client_js" / "node_modules" / "axe-core" / "axe.min.js"
FIND = """async () => {
  const { violations } = await axe.run();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => {
    return `${id}: ${html}: ${failureSummary}`;
  }));
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TOKEN = "canary-admin-token-8d1f0c2e"
HEARD = """() => {
  const real = window.fetch;
  window.heard = '';
  window.fetch = async (...given) => {
    const answer = await real(...given);
    const reader = answer.clone().body.getReader();
    const decoder = new TextDecoder();
    (async () => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        window.heard += decoder.decode(value, { stream: true });
      }
    })().catch(() => {});
    return answer;
  };
}"""


async def inspect(tab: Tab, hash: str = "") -> None:
    await tab.page.goto(f"{tab.address}/inspector{hash}")
    await expect(tab.named("light")).to_have_text("Live")


async def test_a_trace_is_found_and_read_with_the_keyboard_alone(
    devices: Devices, server: Running
) -> None:
    ada = await server.sign_up("Ada")
    live = await server.live(ada)
    await live.subscribe(1, "user")
    await live.until_shown(1, lambda data: True)
    for name in ("Ada L", "Ada Lovelace"):
        await ada.post("/api/auth/update-user", json={"name": name})
    tab = await devices.tab(viewport={"width": 1280, "height": 800})
    await inspect(tab)
    press, named = tab.page.keyboard.press, tab.named
    version = named("trace-version")

    for name in ("clear", "pause", "search", "toggle-filters", "tab-events", "events"):
        await press("Tab")
        await expect(named(name)).to_be_focused()
    await press("Enter")
    newest = await version.inner_text()
    await press("ArrowDown")
    await expect(version).not_to_have_text(newest)
    assert (await version.inner_text()) < newest
    await expect(named("events").locator('[aria-selected="true"]')).to_have_count(1)
    active = await named("events").get_attribute("aria-activedescendant")
    assert active == f"events-{await version.inner_text()}"
    await press("Home")
    await expect(version).to_have_text(newest)
    await press("Tab")
    await expect(named("copy-link")).to_be_focused()
    await press("Escape")
    await expect(version).to_be_hidden()
    await expect(named("events")).to_be_focused()

    await press("Shift+Tab")
    await press("ArrowRight")
    await expect(named("tab-connections")).to_be_focused()
    await press("Tab")
    await press("Enter")
    await expect(named("connection-id")).to_be_visible()
    for _ in range(3):
        await press("Shift+Tab")
    await tab.page.keyboard.type(newest)
    await press("Enter")
    await expect(version).to_have_text(newest)
    await press("Escape")
    await expect(named("search")).to_have_value("")


async def test_what_is_wanted_is_filtered_found_paused_and_cleared(
    devices: Devices, server: Running
) -> None:
    ada, grace = await server.sign_up("Ada"), await server.sign_up("Grace")
    tab = await devices.tab()
    await inspect(tab)
    rows = tab.named("events").get_by_role("option")
    all_of_them = await rows.count()
    await tab.named("toggle-filters").click()
    await tab.named("filter-collection").select_option("organization")
    await expect(rows).to_have_count(2)
    await tab.named("filter-user").fill("nobody's")
    await expect(tab.named("no-events")).to_contain_text("No change fits")
    await tab.named("show-all").click()
    await expect(rows).to_have_count(all_of_them)

    await tab.named("pause").click()
    for each in (ada, grace):
        await each.post("/api/auth/update-user", json={"name": "Somebody"})
    await expect(tab.named("pause")).to_have_text("Resume (2)")
    await expect(rows).to_have_count(all_of_them)
    await tab.named("pause").click()
    await expect(rows).to_have_count(all_of_them + 2)
    await tab.named("clear").click()
    await expect(tab.named("no-events")).to_contain_text("Waiting for a change")
    await ada.post("/api/auth/update-user", json={"name": "Ada again"})
    await expect(rows).to_have_count(1)


@pytest.mark.skipif(not AXE.exists(), reason="needs `npm install` in client_js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_inspector(
    devices: Devices, server: Running, scheme: Literal["light", "dark"]
) -> None:
    tab = await devices.tab(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce")

    async def is_sound() -> None:
        found: list[str] = await tab.page.evaluate(FIND)
        assert found == [], tab.page.url
        for width in (1600, 360):
            await tab.page.set_viewport_size({"width": width, "height": 800})
            assert await tab.page.evaluate(OVERFLOW) == 0, tab.page.url
        await tab.page.set_viewport_size({"width": 1280, "height": 800})

    await inspect(tab)
    await tab.page.add_script_tag(path=AXE)
    await expect(tab.named("process-id")).not_to_be_empty()
    await is_sound()
    ada = await server.sign_up("Ada")
    live = await server.live(ada)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: True)
    await ada.post("/api/auth/update-user", json={"name": "Ada Lovelace"})
    await tab.named("events").get_by_role("option").filter(has_text="Told").first.click()
    await expect(tab.named("delivery").first).to_be_visible()
    await tab.named("toggle-filters").click()
    await is_sound()
    await tab.named("tab-connections").click()
    await tab.named("connections").get_by_role("option").click()
    await expect(tab.named("history-row").first).to_be_visible()
    await is_sound()
    await tab.page.set_viewport_size({"width": 360, "height": 700})
    assert await tab.page.evaluate(FIND) == []


async def test_the_token_opens_the_door_and_nothing_secret_comes_through_it(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    """All that the page hears is searched for what no page may hear, and the addresses it asks."""
    closed = {"environment": "production", "admin_token": SecretStr(TOKEN)}
    production = settings.model_copy(update=closed)
    wire = SessionWire(settings)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    async with run_server(production, wire=wire) as server, open_tab(chromium, server.address) as t:
        t.page.on("request", note)
        await t.page.add_init_script(f"({HEARD})()")
        with t.outage():  # the refusals are said in the console
            await t.page.goto(f"{t.address}/inspector")
            await expect(t.named("door-title")).to_have_text("Sign in to watch")
            await t.named("door-token").fill("another")
            await t.named("door-enter").click()
            await expect(t.named("door-error")).to_have_text(
                "This is not the admin token of this server."
            )
            await t.named("door-token").fill(TOKEN)
            await t.named("door-enter").click()
            await expect(t.named("light")).to_have_text("Live")
        canaries = {"image": "canary-image", "plan": "canary-plan", "note": {"canary-key": 1}}
        ada = await add_person(store, settings, "Ada", **canaries)
        live = await server.live(cookie=ada.cookie)
        await live.subscribe(1, "session")
        await live.until_shown(1, lambda data: True)
        grace = await server.sign_up("Grace")
        async with store.writing() as writing:
            await writing.update_one("user", {"_id": ada.id}, {"$set": {"plan": "canary-plan-2"}})
        await expect(t.named("events").get_by_role("option").nth(5)).to_be_visible()
        await t.named("tab-connections").click()
        await expect(t.named("connections").get_by_role("option")).to_have_count(1)
        with t.outage():  # the page itself is asked for without the token, which is this tab's
            await t.page.reload()
            await expect(t.named("light")).to_have_text("Live")
        heard: str = await t.page.evaluate("window.heard")
        elsewhere = await t.page.context.new_page()
        await elsewhere.goto(f"{t.address}/inspector")
        await expect(elsewhere.get_by_test_id("door-title")).to_be_visible()

    assert str(ada.id) in heard and '"user"' in heard
    cookies = [ada.cookie.partition("=")[2]]
    cookies += [each for each in grace.cookies.values() if len(each) > 30]  # others are versions
    assert len(cookies) > 1
    secrets = [*cookies, str(ada.viewer.credential), TOKEN, PASSWORD, "canary", "example.com"]
    assert settings.secret is not None
    secrets.append(settings.secret.get_secret_value())
    assert [each for each in secrets if each in heard] == []
    assert [url for url in asked if TOKEN in url or "canary" in url] == []
    assert all(url.startswith(server.address) for url in asked)


async def test_whose_session_ends_is_shown_the_door(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    production = settings.model_copy(update={"environment": "production"})
    grace = await add_person(store, settings, "Grace", role="admin")
    name, _, value = grace.cookie.partition("=")
    async with (
        run_server(production, wire=SessionWire(settings)) as server,
        open_tab(chromium, server.address) as tab,
    ):
        cookie = {"name": name, "value": value, "url": server.address}
        await tab.page.context.add_cookies([cookie])  # type: ignore[list-item]
        await inspect(tab)
        with tab.outage():
            async with store.writing() as writing:
                await writing.delete_one("session", {"_id": grace.session_id})
            await expect(tab.named("door-title")).to_have_text("Sign in to watch")
            ada = await add_person(store, settings, "Ada")
            other = {**cookie, "value": ada.cookie.partition("=")[2]}
            await tab.page.context.add_cookies([other])  # type: ignore[list-item]
            await tab.page.goto(f"{tab.address}/inspector")
            await expect(tab.named("door-title")).to_have_text("Only administrators may watch")


async def test_it_says_that_it_is_stale_and_finds_the_next_process(
    settings: Settings, store: Store, chromium: Browser
) -> None:
    async with run_server(settings) as server:
        port = int(server.address.rpartition(":")[2])
        tab_context = open_tab(chromium, server.address)
        tab = await tab_context.__aenter__()
        await server.sign_up("Ada")
        await inspect(tab)
        await expect(tab.named("events").get_by_role("option").first).to_be_visible()
        tab.is_outage = True
    await expect(tab.named("light")).to_have_text("Reconnecting")
    await expect(tab.named("notice")).to_contain_text("What you see may be out of date")
    await expect(tab.named("events").get_by_role("option").first).to_be_visible()
    async with run_server(settings, port=port):
        await expect(tab.named("light")).to_have_text("Live", timeout=25_000)
        await expect(tab.named("notice")).to_be_hidden()
        await expect(tab.named("no-events")).to_contain_text("Waiting for a change")
        await tab_context.__aexit__(None, None, None)


def crowd(now: datetime) -> str:
    """The stream of a busy server: 2 000 connections, 5 000 changes."""
    date = format_date(now)
    connections: list[dict[str, Any]] = [
        {
            "id": f"{n:08x}", "kind": "socket", "user": f"{n:024x}", "session": f"{n:024x}",
            "opened": date, "address": "127.0.0.1", "version": f"{n:016x}", "acknowledged": None,
            "waiting": n % 7 == 0, "paused": n % 50 == 0, "behind": float(n % 7 == 0),
            "subscriptions": [
                {"id": k, "query": "session", "args": {}, "state": "current", "changedAt": None}
                for k in range(3)
            ],
        }
        for n in range(2_000)
    ]  # fmt: skip
    process = {
        "id": "1", "version": f"{9_000:016x}", "software": "", "live": True, "silent": 0.0,
        "started": date, "connections": 2_000, "watches": 6_000, "documents": 6_000, "counts": {},
        "latency": {name: [[0.001], [1, 1]] for name in ("write_to_frame", "write_to_close")},
    }  # fmt: skip
    return "\n".join(
        [
            json.dumps({"process": process, "connections": connections}),
            *(json.dumps({"trace": busy_trace(n, date)}) for n in range(5_000)),
            "",
        ]
    )


def busy_trace(n: int, date: str) -> dict[str, Any]:
    told = {"offeredAt": 0.2, "writtenAt": 0.3, "acknowledgedAt": 9.0, "version": None, "at": 9.0}
    return {
        "version": f"{n + 1:016x}",
        "revision": n + 1, "wall": date, "received": date, "lag": 1.0, "appliedAt": 0.1,
        "lastAt": 9.0, "stop": "told",
        "changes": [
            {"collection": "user", "operation": "update", "id": f"{n:024x}", "fields": ["name"],
             "hidden": 0, "user": f"{n % 2_000:024x}", "organization": None}
        ],
        "views": [
            {"query": "session", "user": f"{n % 2_000:024x}", "outcome": "changed", "at": 0.2}
            for _ in range(3)
        ],
        "deliveries": [
            {"connection": f"{(n + k) % 2_000:08x}", "id": k, "query": "session",
             "user": f"{n % 2_000:024x}", "state": "acknowledged", "reason": None, **told}
            for k in range(3)
        ],
        "viewCounts": {"affected": 3, "changed": 3}, "deliveryCounts": {"acknowledged": 3},
    }  # fmt: skip


async def test_a_crowd_does_not_freeze_the_page(devices: Devices) -> None:
    """What it hears is made up: what is tested is the browser's part."""
    first = crowd(datetime.now(UTC))
    again, answered = first.partition("\n")[0] + "\n", 0
    tab = await devices.tab()

    async def answer(route: Route) -> None:
        """The stream ends at once, and the page asks again."""
        nonlocal answered
        answered += 1
        body = first if answered == 1 else again
        await route.fulfill(body=body, content_type="application/x-ndjson")

    await tab.page.route("**/inspector/events*", answer)
    await tab.page.add_init_script("""
      window.longest = 0;
      let last = performance.now();
      const frame = (now) => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    """)
    await tab.page.goto(f"{tab.address}/inspector")
    await expect(tab.named("tab-events")).to_contain_text("5000")
    await tab.named("search").fill("00000000000000000000012c")
    await expect(tab.named("tab-events")).to_contain_text("3")
    await tab.named("search").fill("")
    await tab.named("events").focus()
    await tab.page.keyboard.press("End")
    await expect(tab.named("events").locator(".cursor")).to_have_attribute("aria-posinset", "5000")
    await tab.named("tab-connections").click()
    await tab.named("connections").get_by_role("option").first.click()
    await expect(tab.named("history-row").first).to_be_visible()
    assert await tab.page.get_by_role("option").count() < 60, "only what is in sight is drawn"
    longest = await tab.page.evaluate("window.longest")
    assert longest < 2_000, f"a frame of {longest} ms"
    assert answered >= 1
