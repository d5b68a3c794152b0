"""A real better-auth server in Node, and browsers that visit it and ours with the same cookies."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from better_auth.nodes import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessionwire.settings import Settings

__all__ = ["PASSWORD", "Browser", "Site", "better_auth"]

PASSWORD = "password1234"


@dataclass(frozen=True)
class Site:
    """A better-auth server, and the file to which it writes its mails."""

    address: str
    letters: Path

    def letter(self, kind: str, to: str) -> Any:
        """The last letter of this kind to this address."""
        lines = self.letters.read_bytes().splitlines()
        sent = [msgspec.json.decode(each) for each in lines]
        return [each for each in sent if (each["kind"], each["to"]) == (kind, to)][-1]


@contextlib.asynccontextmanager
async def better_auth(
    settings: Settings, directory: Path, *, package: str = "better-auth"
) -> AsyncIterator[Site]:
    """A better-auth server with our secret, on our database."""
    assert settings.mongodb_uri is not None
    assert settings.secret is not None
    letters = directory / f"{package}.jsonl"
    async with serving(
        "server.mjs",
        log=directory / f"{package}.log",
        PACKAGE=package,
        NODE_ENV="production",
        MONGODB_URI=settings.mongodb_uri.get_secret_value(),
        DATABASE=settings.database,
        SECRET=settings.secret.get_secret_value(),
        LETTERS=str(letters),
    ) as address:
        yield Site(address, letters)


@dataclass
class Browser:
    """Keeps its cookies for both servers: they are of one host, and cookies know no port."""

    http: httpx.AsyncClient
    name: str = ""
    email: str = ""
    id: str = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls) -> AsyncIterator[Browser]:
        async with httpx.AsyncClient(timeout=20) as http:
            yield cls(http)

    async def get(self, site: str, path: str, **query: str) -> Any:
        """What the server at `site` answers, which must be a success."""
        response = await self.http.get(f"{site}/api/auth{path}", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, site: str, path: str, **body: object) -> Any:
        response = await self.send(site, path, **body)
        assert response.status_code == 200, response.text
        return response.json()

    async def send(self, site: str, path: str, **body: object) -> httpx.Response:
        """As `post`, whatever the answer is."""
        headers = {"origin": site}
        return await self.http.post(f"{site}/api/auth{path}", json=body, headers=headers)

    async def sign_up(self, site: str, name: str) -> None:
        self.name = name
        self.email = f"{name.lower()}-{secrets.token_hex(6)}@example.com"
        body = {"name": name, "email": self.email, "password": PASSWORD}
        self.id = (await self.post(site, "/sign-up/email", **body))["user"]["id"]

    async def sign_in(self, site: str, person: Browser, **more: object) -> None:
        """Sign in as somebody who signed up in another browser."""
        self.name, self.email, self.id = person.name, person.email, person.id
        body = {"email": self.email, "password": PASSWORD, **more}
        await self.post(site, "/sign-in/email", **body)

    async def session(self, site: str) -> Any:
        return await self.get(site, "/get-session")

    async def user_id(self, site: str) -> str | None:
        """Who this browser is to the server at `site`; None when signed out."""
        shown = await self.session(site)
        return None if shown is None else shown["user"]["id"]
