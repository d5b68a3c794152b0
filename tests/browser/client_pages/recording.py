"""Tabs of the recording page, and what must be true of all that any of them ever showed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page, WebSocket

__all__ = [
    "PASSWORD",
    "RETURNS_WITHIN",
    "Device",
    "Moment",
    "Recording",
    "device",
    "judged",
    "never_signed_out",
]

PASSWORD = "correct horse battery"
RETURNS_WITHIN = 30.0
"""Seconds; the client's longest pause between attempts is 10 s, and so is its patience."""

Moment: TypeAlias = dict[str, dict[str, Any]]
"""The state of each store, by its name, at one notification."""


@dataclass
class Recording:
    """One tab."""

    page: Page
    sockets: list[WebSocket] = field(default_factory=list)
    """Every WebSocket that it ever opened."""
    uncaught: list[str] = field(default_factory=list)
    is_pinned: bool = False
    """Whether `session` was ever not of the user's own active organization."""

    async def until(self, condition: str, *, within: float = 10.0) -> None:
        """Wait until it shows this: a JavaScript condition over the names of the stores."""
        names = "{ session, user, organization, organizations, devices }"
        function = f"() => {{ const {names} = shown() ?? {{}}; return session && ({condition}); }}"
        await self.page.wait_for_function(function, timeout=within * 1_000, polling=20)

    async def shows_user(self, name: str, *, within: float = 10.0) -> None:
        condition = f"session.status === 'live' && session.data?.user.name === {json.dumps(name)}"
        await self.until(condition, within=within)

    async def shows_organization(self, name: str) -> None:
        quoted = json.dumps(name)
        await self.until(
            f"session.data?.organization?.name === {quoted} && organization.data?.name === {quoted}"
        )

    async def call(self, path: str, body: Any = None) -> Any:
        """One of the client's calls, such as `organization.create`; its outcome."""
        return await self.page.evaluate(f"(body) => client.{path}(body ?? undefined)", body)

    async def done(self, path: str, body: Any = None) -> Any:
        """The data of a call that has to succeed."""
        outcome = await self.call(path, body)
        assert outcome["error"] is None, (path, outcome["error"])
        return outcome["data"]

    async def pin(self, organization_id: str) -> None:
        """Pin the tab; returns once it shows the organization."""
        self.is_pinned = True
        await self.page.evaluate("(id) => client.pin(id)", organization_id)
        await self.until(f"session.data?.organization?.id === {json.dumps(organization_id)}")

    async def sign_up(self, name: str) -> None:
        email = f"{name.lower()}@example.com"
        await self.done("signUp.email", {"name": name, "email": email, "password": PASSWORD})
        await self.shows_user(name)

    async def sign_in(self, name: str) -> None:
        await self.done(
            "signIn.email", {"email": f"{name.lower()}@example.com", "password": PASSWORD}
        )

    async def shown(self) -> Moment:
        """What it shows now."""
        moment: Moment = await self.page.evaluate("() => shown()")
        return moment

    async def moments(self) -> list[Moment]:
        """All that it ever showed."""
        moments: list[Moment] = await self.page.evaluate("() => moments")
        return moments

    async def end(self) -> None:
        """Judge the whole recording, and close the tab."""
        if self.page.is_closed():
            return
        idle = await self.page.evaluate("() => idle")
        moments = await self.moments()
        await self.page.close()
        assert not self.uncaught, self.uncaught
        assert not idle, idle
        assert_honest(moments, is_pinned=self.is_pinned)


@dataclass
class Device:
    """A browser of its own, with any number of tabs."""

    context: BrowserContext
    address: str
    tabs: list[Recording] = field(default_factory=list)

    async def tab(self, page: str = "record.html", **options: Any) -> Recording:
        """A new tab; keywords are options of the client. It waits for the client's first answer."""
        tab = await self.open(page, **options)
        await tab.until("!session.isPending")
        return tab

    async def open(self, page: str = "record.html", **options: Any) -> Recording:
        """A new tab, as soon as it runs."""
        tab = Recording(await self.context.new_page())
        tab.page.on("websocket", lambda socket: tab.sockets.append(socket))
        tab.page.on("pageerror", lambda error: tab.uncaught.append(str(error)))
        self.tabs.append(tab)
        search = f"?{quote(json.dumps(options))}" if options else ""
        await tab.page.goto(f"{self.address}/pages/{page}{search}")
        await tab.page.wait_for_function("() => 'shown' in window")
        return tab


@contextlib.asynccontextmanager
async def device(browser: Browser, address: str) -> AsyncIterator[Device]:
    """At the end, every tab's whole recording is judged."""
    context = await browser.new_context()
    context.set_default_timeout(10_000)
    try:
        async with judged(context, address) as opened:
            yield opened
    finally:
        await context.close()


@contextlib.asynccontextmanager
async def judged(context: BrowserContext, address: str) -> AsyncIterator[Device]:
    """The same, of a browser that is there already."""
    opened = Device(context, address)
    yield opened
    for tab in opened.tabs:
        await tab.end()


def assert_honest(moments: list[Moment], *, is_pinned: bool = False) -> None:
    """What no page may ever show, whatever happens."""
    for before, after in zip(moments, moments[1:], strict=False):
        for name in after:
            was, now = before[name], after[name]
            assert was["isPending"] or not now["isPending"], f"{name} is pending again: {now}"
            assert (was["version"] or "") <= (now["version"] or ""), f"{name} goes back: {now}"
    for moment in moments:
        for name, state in moment.items():
            assert not (state["isPending"] and state["data"]), f"{name} shows data, but is pending"
            assert not (state["status"] == "live" and state["stale"]), f"{name}: {state}"
        _assert_one_tenant(moment, is_pinned=is_pinned)


def never_signed_out(moments: list[Moment]) -> None:
    """Once somebody is shown, nobody is ever shown as signed out."""
    shown = [bool(moment["session"]["data"]) for moment in moments]
    assert True in shown, "nobody was ever shown"
    assert all(shown[shown.index(True) :]), "somebody was shown as signed out"


def _assert_one_tenant(moment: Moment, *, is_pinned: bool) -> None:
    """All that a page shows at one moment is of one user, and of one organization and role."""
    session, user, organization, organizations, devices = (
        moment.get(name, {"data": None})
        for name in ("session", "user", "organization", "organizations", "devices")
    )
    decided = {
        name: state["data"]
        for name, state in moment.items()
        if not state["isPending"] and not state["error"]
    }
    signed_in = {name: data is not None for name, data in decided.items() if name != "organization"}
    assert len(set(signed_in.values())) <= 1, f"half signed out: {signed_in}"
    if not session["data"]:
        assert not organization["data"], "an organization is shown to a visitor"
        return
    viewer, active = session["data"]["user"], session["data"]["organization"]
    active_id = active and active["id"]
    assert viewer["activeOrganizationId"] == active_id
    assert session["data"]["session"]["activeOrganizationId"] == active_id
    assert (session["data"]["role"] is None) == (active is None)
    if "user" in decided:
        # A pin is for the session and its organization; the user stays as everywhere.
        same = {"activeOrganizationId": active_id} if is_pinned else {}
        assert {**user["data"], **same} == viewer
    if "organization" in decided:
        shown = organization["data"]
        assert (shown and shown["id"]) == active_id, "two organizations on one screen"
        if shown:
            assert {name: shown[name] for name in active} == active
            assert shown["role"] == session["data"]["role"]
            roles = {each["userId"]: each["role"] for each in shown["members"]}
            assert roles[viewer["id"]] == shown["role"]
    if "organizations" in decided:
        marked = [each for each in organizations["data"] if each["active"]]
        assert [each["id"] for each in marked] == ([active_id] if active else [])
        for each in marked:
            assert {name: each[name] for name in active} == active
            assert each["role"] == session["data"]["role"]
    if "devices" in decided:
        current = [each["id"] for each in devices["data"] if each["current"]]
        assert current == [session["data"]["session"]["id"]]
