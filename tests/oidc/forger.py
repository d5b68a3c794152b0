"""An issuer that signs whatever a test wants, and answers as badly as a test wants."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    Answer = Callable[[Request], Awaitable[Response]]

__all__ = ["CLIENT", "CLIENT_SECRET", "Forger", "forging", "unsigned"]

CLIENT = "sessionwire-client"
CLIENT_SECRET = "a-client-secret-of-these-tests"

DISCOVERY = "/.well-known/openid-configuration"


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    """A token whose three parts are whatever is given."""
    parts = [json.dumps(each).encode() for each in (header, claims)]
    encoded = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts]
    return ".".join([*encoded, signature])


@functools.cache
def _key() -> RSAKey:
    """Made once: it takes a while."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Forger:
    """Answers at `address`; `answers` replaces the honest answer of a path."""

    address: str
    key: RSAKey = field(default_factory=_key)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    tokens: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    """What the discovery document says more, or otherwise; None takes a line out."""
    keys: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = [self.key.as_dict(private=False)]

    @property
    def provider(self) -> dict[str, Any]:
        return {"issuer": self.address, "client_id": CLIENT, "client_secret": CLIENT_SECRET}

    def claims(self, **more: Any) -> dict[str, Any]:
        """Those of an honest token; None takes one out."""
        now = int(time.time())
        honest = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": "somebody",
            "iat": now,
            "exp": now + 300,
            "name": "Some Body",
        }
        return {name: value for name, value in {**honest, **more}.items() if value is not None}

    def sign(
        self,
        claims: dict[str, Any],
        *,
        key: RSAKey | ECKey | OctKey | None = None,
        algorithm: str = "RS256",
        **header: Any,
    ) -> str:
        full = {"alg": algorithm, "kid": "one", **header}
        kept = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(kept, claims, key or self.key, algorithms=[algorithm])

    def hand_out(self, token: str, **more: Any) -> None:
        """What the next codes are worth."""
        self.tokens = {
            "access_token": "an-access-token-of-these-tests",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": token,
            **more,
        }

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return await self.answers[path](request)
        if path == DISCOVERY:
            return JSONResponse(self._discovery())
        if path == "/jwks":
            return JSONResponse({"keys": self.keys})
        if path == "/userinfo":
            return JSONResponse(self.userinfo)
        form = await request.form()
        self.forms.append({name: str(value) for name, value in form.items()})
        self.authorizations.append(request.headers.get("authorization"))
        return JSONResponse(self.tokens)

    def _discovery(self) -> dict[str, Any]:
        document = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **self.published,
        }
        return {name: value for name, value in document.items() if value is not None}


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn tells nobody)
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def forging() -> AsyncIterator[Forger]:
    """One that runs on a loopback port until the block ends."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        forger = Forger(f"http://127.0.0.1:{listener.getsockname()[1]}")
        app = Starlette(
            routes=[Route("/{path:path}", forger.answer, methods=["GET", "POST"])],
        )
        config = uvicorn.Config(app, lifespan="off", log_level="critical", ws="none")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server._serve([listener]))
            try:
                await _started(server, serving)
                yield forger
            finally:
                server.should_exit = server.force_exit = True
