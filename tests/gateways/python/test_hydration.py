"""The session inside a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from gateways.python.site import Site, carries_the_headers, site
from sessionwire import SessionWire, get_current_session, hydration_script, no_store
from sessionwire.gateways.python.answers import secure_user_json
from support.people import add_person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&lt;/script&gt;&#60;",
    "\u2028\u2029\\u003c\"'`${1}",
    "Zoë 👩‍🚀 \x00\x7f",
]
TEMPLATE = jinja2.Environment(autoescape=True).from_string(
    "<!doctype html><title>{{ name }}</title>{{ script }}<p>after</p>"
)


@no_store
async def plain_page(request: Request) -> Response:
    return HTMLResponse(f"<!doctype html>{await hydration_script(request)}<p>after</p>")


@no_store
async def template_page(request: Request) -> Response:
    session = await get_current_session(request)
    name = None if session is None else session.user.name
    return HTMLResponse(TEMPLATE.render(name=name, script=await hydration_script(request)))


async def me(request: Request) -> Response:
    return secure_user_json(await get_current_session(request))


def application(wire: SessionWire) -> Starlette:
    return Starlette(
        routes=[
            Route("/plain", plain_page),
            Route("/template", template_page),
            Route("/me", me),
            Mount("/", wire),
        ],
        lifespan=wire.lifespan,
    )


@pytest.fixture
async def served(settings: Settings, store: Store) -> AsyncIterator[Site]:
    async with site(settings, application) as running:
        yield running


class Page(HTMLParser):
    """What a browser finds: the elements, and the text of the script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.script = ""
        self.attributes: dict[str, str | None] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "script":
            self.attributes = dict(attrs)

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == "script":
            self.script += data


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/plain", "/template"])
async def test_no_name_ends_the_element(
    served: Site, store: Store, settings: Settings, path: str, name: str
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        await writing.update_one("user", {"_id": alice.id}, {"$set": {"name": name}})
    seen = {"sessionwire_version": f"{writing.version:016x}"}
    answer = await served.get(path, alice, **seen)
    page = Page(answer.text)
    assert page.elements[-2:] == ["script", "p"] and page.elements.count("script") == 1
    assert page.attributes == {"type": "application/json", "id": "sessionwire"}
    assert not set(page.script) & set("<>&\u2028\u2029")
    content = json.loads(page.script)
    assert content["data"]["user"]["name"] == name
    assert content["data"] == (await served.get("/me", alice, **seen)).json()
    assert content["version"] >= seen["sessionwire_version"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_visitor_is_signed_out_as_of_what_they_have_seen(served: Site) -> None:
    answer = await served.get("/plain")
    assert carries_the_headers(answer)
    content: dict[str, Any] = json.loads(Page(answer.text).script)
    assert content == {"data": None, "version": "0" * 16}
    seen = "00000001" * 2
    again = await served.get("/plain", sessionwire_version=seen)
    assert json.loads(Page(again.text).script) == {"data": None, "version": seen}


async def test_the_version_resumes_the_live_wire(
    served: Site, store: Store, settings: Settings
) -> None:
    """The client goes on where the page ended: the same data, and nothing older."""
    alice = await add_person(store, settings, "Alice")
    content = json.loads(Page((await served.get("/plain", alice)).text).script)
    body = {"subscriptions": [{"id": 1, "query": "session"}], "since": content["version"]}
    answer = await served.send("POST", "/live/poll", alice, json=body, origin=served.address)
    assert answer.json()["version"] >= content["version"]
    assert answer.json()["results"][0]["data"] == content["data"]


async def test_a_session_that_ended_is_hydrated_as_none(
    served: Site, store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        await writing.delete_one("session", {"_id": alice.session_id})
    seen = f"{writing.version:016x}"
    answer = await served.get("/plain", alice, sessionwire_version=seen)
    content = json.loads(Page(answer.text).script)
    assert content["data"] is None and content["version"] >= seen
