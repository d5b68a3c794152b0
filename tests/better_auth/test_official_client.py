"""The official better-auth client, unmodified, against a whole server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from better_auth.nodes import run_script, serving
from sessionwire.app import SessionWire
from sessionwire.settings import load_settings
from support.process import free_port
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from better_auth.nodes import Ended
    from sessionwire.auth.mail import Letter
    from sessionwire.store.embedded import EmbeddedMongo

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
MODES: dict[str, dict[str, Any]] = {
    "default": {"compat": "none", "active_organization": "user"},
    "better-auth": {"compat": "better-auth", "active_organization": "session"},
}
AREAS: dict[str, dict[str, Any]] = {
    "accounts": {},
    "credentials": {},
    "organizations": {},
    "members": {},
    "hooks": {},
    "social": {},
    "switches": {
        "require_email_verification": True,
        "change_email": False,
        "delete_user": False,
    },
    "throttle": {"rate_limit": True},
}
ALONE = {"social", "switches", "throttle"}
AT_ONCE = 2
ENOUGH = 150


@dataclass
class Runs:
    """Every script once per mode, when somebody first asks for it.

    Those that need no server of their own share one, two at a time.
    """

    mongo: EmbeddedMongo
    directory: Path
    done: dict[tuple[str, str], Ended] = field(default_factory=dict)

    async def of(self, area: str, mode: str) -> Ended:
        if (area, mode) not in self.done:
            areas = [area] if area in ALONE else [each for each in AREAS if each not in ALONE]
            await self._run(areas, mode)
        return self.done[area, mode]

    async def _run(self, areas: list[str], mode: str) -> None:
        letters = self.directory / f"{areas[0]}-{mode}.jsonl"
        letters.touch()

        async def send_mail(letter: Letter) -> None:
            with letters.open("a") as file:
                file.write(json.dumps(asdict(letter)) + "\n")

        async with contextlib.AsyncExitStack() as stack:
            port, issuer = free_port(), ""
            providers: dict[str, Any] = {}
            if "social" in areas:
                providers["google"] = await stack.enter_async_context(self._provider(port))
                issuer = providers["google"]["issuer"]
            settings = load_settings(
                mongodb_uri=self.mongo.uri,
                database=f"test_{secrets.token_hex(6)}",
                secret=SECRET,
                personal_workspace=False,
                oidc=providers,
                **MODES[mode],
                **AREAS[areas[0]],
            )
            wire = SessionWire(settings, send_mail=send_mail)
            running = await stack.enter_async_context(run_server(settings, port=port, wire=wire))
            environment = {
                "ADDRESS": running.address,
                "LETTERS": str(letters),
                "MONGODB_URI": self.mongo.uri,
                "DATABASE": settings.database,
                "ISSUER": issuer,
            }
            free = asyncio.Semaphore(AT_ONCE)

            async def run(area: str) -> None:
                async with free:
                    self.done[area, mode] = await run_script(f"{area}.mjs", **environment)

            await asyncio.gather(*map(run, areas))

    @contextlib.asynccontextmanager
    async def _provider(self, port: int) -> AsyncIterator[dict[str, str]]:
        """A certified OpenID provider, as the settings name it, that sends people to this port."""
        own, secret = free_port(), secrets.token_urlsafe(32)
        back = f"http://127.0.0.1:{port}/api/auth/callback/google"
        arguments = (str(own), back, "sessionwire", secret)
        log = self.directory / "provider.log"
        async with serving("../oidc/provider.mjs", *arguments, log=log):
            yield {
                "issuer": f"http://127.0.0.1:{own}",
                "client_id": "sessionwire",
                "client_secret": secret,
            }


@pytest.fixture(scope="module")
def runs(mongo: EmbeddedMongo, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(mongo, tmp_path_factory.mktemp("better_auth"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("area", AREAS)
async def test_the_official_client_finds_what_the_contract_says(
    runs: Runs, area: str, mode: str
) -> None:
    ended = await runs.of(area, mode)
    assert ended.code == 0, ended.said
    assert ended.held > 0


@pytest.mark.parametrize("mode", MODES)
async def test_the_client_is_driven_through_enough_of_the_contract(runs: Runs, mode: str) -> None:
    held = [(await runs.of(area, mode)).held for area in AREAS]
    assert sum(held) >= ENOUGH
