"""A browser without JavaScript: follows no redirect by itself, keeps cookies, sends forms."""

from __future__ import annotations

import re
import secrets
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette

from gateways.auth.browser import Server
from sessionwire.gateways.auth.routes import auth_routes
from sessionwire.gateways.pages import error_page
from sessionwire.gateways.pages.routes import page_routes

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["PASSWORD", "Site", "Visitor", "fault", "field", "heading"]

CLIENT = Path(__file__).parents[3] / "client_js" / "src"
PASSWORD = "drizzle-basalt-kettle"


class Site(Server):
    """The pages, and the API beside them, over a real database."""

    def __init__(self, store: Store, settings: Settings) -> None:
        super().__init__(store, settings)
        pages = page_routes(demo=False, client_directory=CLIENT, backing=self.backing)
        self.app = Starlette(routes=[*auth_routes(self.backing, more=error_page.ENDPOINTS), *pages])

    def visitor(self, **headers: str) -> Visitor:
        return Visitor(self, {"origin": self.settings.base_url, **headers})


class Visitor:
    """One browser."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self.email = f"ada-{secrets.token_hex(6)}@example.com"
        self.site = site
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(site.app),
            base_url=site.settings.base_url,
            headers=headers,
        )

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def submit(
        self, path: str, fields: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        return await self.http.post(path, data=fields or {}, **more)

    async def sign_up(self, **more: str) -> httpx.Response:
        fields = {"name": "Ada", "email": self.email, "password": PASSWORD, **more}
        return await self.submit("/sign-up", fields)

    async def sign_in(self, path: str = "/sign-in", **more: str) -> httpx.Response:
        fields = {"email": self.email, "password": PASSWORD, "remember": "on", **more}
        return await self.submit(path, fields)

    async def session(self) -> dict[str, Any] | None:
        response = await self.http.get("/api/auth/get-session")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] | None = response.json()
        return shown

    def mailed(self, kind: str) -> str:
        """The path that the newest mail of this kind to this visitor leads to."""
        found = [
            each.url or ""
            for each in self.site.letters
            if each.kind == kind and each.to == self.email
        ]
        return found[-1].removeprefix(self.site.settings.base_url)


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.by_id: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("name"):
            self.inputs[given["name"] or ""] = given
        if given.get("id"):
            self.by_id[given["id"] or ""] = given


def field(page: httpx.Response, name: str) -> dict[str, str | None]:
    """The attributes of the input of this name."""
    return _Page(page.text).inputs[name]


def fault(page: httpx.Response) -> str:
    """What the summary of a refused form says; it is announced, and has the focus."""
    found = re.search(r'<div ([^>]*data-testid="fault")>(.*?)</div>', page.text, re.DOTALL)
    assert found is not None, page.text
    assert 'role="alert" tabindex="-1" autofocus' in found[1]
    return " ".join(re.sub(r"<[^>]*>", " ", found[2]).split())


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    assert found is not None, page.text
    return found[1].strip()
