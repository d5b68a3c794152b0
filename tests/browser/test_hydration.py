"""The session inside a page, as a browser reads it under a strict policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from gateways.python.site import site
from sessionwire import SessionWire, hydration_script, no_store
from support.people import add_person

if TYPE_CHECKING:
    from playwright.async_api import Browser
    from starlette.requests import Request

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

pytestmark = pytest.mark.browser

NAME = "</script><img src=x onerror='document.title=1'><!--<script>\u2028&lt;"
POLICY = {"content-security-policy": "default-src 'none'; require-trusted-types-for 'script'"}


@no_store
async def page(request: Request) -> Response:
    script = await hydration_script(request)
    text = f"<!doctype html><html lang=en><title>t</title>{script}<p>after</p></html>"
    return HTMLResponse(text, headers=POLICY)


def application(wire: SessionWire) -> Starlette:
    return Starlette(routes=[Route("/page", page), Mount("/", wire)], lifespan=wire.lifespan)


async def test_a_browser_reads_it_and_executes_nothing(
    chromium: Browser, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, NAME)
    name, _, value = alice.cookie.partition("=")
    async with site(settings, application) as served:
        context = await chromium.new_context()
        await context.add_cookies([{"name": name, "value": value, "url": served.address}])
        tab = await context.new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        await tab.goto(f"{served.address}/page")
        text = await tab.evaluate("document.getElementById('sessionwire').textContent")
        assert json.loads(text)["data"]["user"]["name"] == NAME
        assert await tab.title() == "t" and await tab.locator("img").count() == 0
        assert await tab.locator("p").inner_text() == "after"
        assert said == []
        await context.close()
