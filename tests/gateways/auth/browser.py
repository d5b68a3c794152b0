"""A client of the API that keeps cookies as a browser does, over the gateway itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette

from auth.rig import ORIGIN, DatabaseReader
from sessionwire.auth.clock import utc_now
from sessionwire.exchange.backing import Backing
from sessionwire.gateways.auth.routes import auth_routes
from sessionwire.gateways.pages import error_page

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sessionwire.auth.mail import Letter
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["Browser", "Server", "names_in"]


class Server:
    """The gateway over a real database, with a clock that can be moved."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.reader = DatabaseReader(store, settings)
        self.ahead: timedelta | None = None
        self.letters: list[Letter] = []
        self.backing = Backing.of(
            store=store, relay=self.reader, settings=settings, post=self, clock=self.now
        )
        self.app = Starlette(routes=auth_routes(self.backing, more=error_page.ENDPOINTS))

    def send(self, letter: Letter) -> None:
        """The post: keeps every letter for the test to read."""
        self.letters.append(letter)

    def now(self) -> datetime:
        return utc_now() if self.ahead is None else utc_now() + self.ahead

    def browser(self, **headers: str) -> Browser:
        return Browser(self, {"origin": self.settings.base_url, **headers})

    def bare(self) -> Browser:
        """A client that says nothing of itself."""
        return Browser(self, {})


class Browser:
    """Sends what its jar holds; a test may also set the cookies itself."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self.server = server
        self.headers = headers
        self.jar: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.send("POST", path, json={} if body is None else body, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        peer: str = "127.0.0.1",
        **more: Any,
    ) -> httpx.Response:
        sent = {**self.headers, **(headers or {})}
        if self.jar and "cookie" not in sent:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        transport = httpx.ASGITransport(
            self.server.app, raise_app_exceptions=True, client=(peer, 50_000)
        )
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            response = await client.request(method, f"/api/auth{path}", headers=raw, **more)
        self._keep(response)
        return response

    def _keep(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in line:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    async def sign_up(self, email: str, **more: Any) -> dict[str, Any]:
        body = {"name": "Alice", "email": email, "password": "password1234", **more}
        response = await self.post("/sign-up/email", body)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    async def sign_in(self, email: str, **more: Any) -> dict[str, Any]:
        body = {"email": email, "password": "password1234", **more}
        response = await self.post("/sign-in/email", body)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    async def session(self) -> dict[str, Any] | None:
        response = await self.get("/get-session")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] | None = response.json()
        return shown


def names_in(response: httpx.Response) -> list[str]:
    """The names of the cookies that an answer sets or deletes, the version's apart."""
    lines = response.headers.get_list("set-cookie")
    names = [line.partition("=")[0] for line in lines]
    return [name for name in names if not name.endswith(".version")]
