"""Walks from our server to the forger and back, as a browser would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from auth.rig import ORIGIN, settings_with
from gateways.auth.browser import Browser, Server

if TYPE_CHECKING:
    import httpx

    from oidc.forger import Forger
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

__all__ = ["Walk", "address_in", "error_in", "query_of", "server_with"]

ERROR_PAGE = f"{ORIGIN}/api/auth/error"


def server_with(store: Store, *, compat: str = "none", **providers: dict[str, Any]) -> Server:
    settings = settings_with(
        environment="development", compat=compat, oidc=providers, personal_workspace=True
    )
    return Server(store, settings)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def address_in(name: str = "some") -> str:
    return f"{name}-{secrets.token_hex(6)}@example.com"


def error_in(response: httpx.Response) -> str | None:
    """The code of the error page that an answer leads to; None for another page."""
    assert response.status_code == 302, response.text
    page, _, query = response.headers["location"].partition("?")
    return query_of(f"/?{query}")["error"] if page in (ERROR_PAGE, "/oops") else None


@dataclass
class Walk:
    server: Server
    forger: Forger

    def browser(self) -> Browser:
        return self.server.browser()

    async def start(self, browser: Browser, path: str = "/sign-in/social", **more: Any) -> str:
        """The address that the browser is sent to."""
        body = {"provider": "acme", "callbackURL": "/after", "errorCallbackURL": "/oops", **more}
        response = await browser.post(path, body)
        assert response.status_code == 200, response.text
        url: str = response.json()["url"]
        return url

    async def back(self, browser: Browser, **returned: Any) -> httpx.Response:
        """The browser comes back with these parameters; None leaves one out."""
        query = {"code": "a-code-of-these-tests", **returned}
        given = {name: value for name, value in query.items() if value is not None}
        return await browser.get(f"/callback/acme?{urlencode(given, doseq=True)}")

    async def round(
        self, browser: Browser, *, token: str | None = None, begin: Any = None, **claims: Any
    ) -> httpx.Response:
        """There and back, with a token of these claims, or the very one that is given."""
        sent = query_of(await self.start(browser, **(begin or {})))
        signed = token or self.forger.sign(self.forger.claims(nonce=sent["nonce"], **claims))
        self.forger.hand_out(signed)
        return await self.back(browser, state=sent["state"])

    async def enter(self, browser: Browser, *, email: str | None = None, **claims: Any) -> Document:
        """Sign in with an honest token; the user as MongoDB has them."""
        claims = {"email": email or address_in(), "email_verified": True, **claims}
        response = await self.round(browser, **claims)
        assert error_in(response) is None, response.headers["location"]
        return await self.user(browser)

    async def user(self, browser: Browser) -> Document:
        shown = await browser.session()
        assert shown is not None
        found = await self.server.store.find_one("user", {"email": shown["user"]["email"]})
        assert found is not None
        return found

    async def accounts(self, user: Document) -> list[Document]:
        return await self.server.store.find("account", {"userId": user["_id"]})
