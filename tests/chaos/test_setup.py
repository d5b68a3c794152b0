"""A server killed in the middle of a sign-up, and servers whose clocks are wrong (I23, I24)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chaos.faults import Backend, backend
from chaos.seeds import dice, longer
from chaos.site import SECRET, database
from chaos.witness import witness
from sessionwire.model import format_version
from support.following import failing
from support.people import add_person
from support.server import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@contextlib.asynccontextmanager
async def process(
    mongo: EmbeddedMongo, directory: Path, **more: str
) -> AsyncIterator[tuple[Store, Settings, Backend]]:
    async with (
        database(mongo.uri) as (store, settings),
        backend(
            directory / "data", mongodb_uri=mongo.uri, database=settings.database,
            secret=SECRET, **more,
        ) as running,
    ):  # fmt: skip
        yield store, settings, running


# I23


async def _sign(address: str, path: str, **body: str) -> int:
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        answer = await http.post(f"/api/auth/{path}", json=body, headers={"origin": address})
        return answer.status_code


async def test_i23_a_sign_up_that_is_killed_at_any_moment_is_finished_by_the_next_one(
    mongo: EmbeddedMongo, admin: Any, tmp_path: Path
) -> None:
    """One user, one password, one workspace, one membership; and they can sign in."""
    throw = dice()
    async with process(mongo, tmp_path) as (store, _, server):
        for number in range(longer(1)):
            email = f"victim{number}@example.com"
            person = {"email": email, "password": PASSWORD}
            slow = {"blockConnection": True, "blockTimeMS": 60}
            writes = failing(admin, "insert", times=50, **slow, appName="sessionwire")
            async with writes:
                signing = asyncio.create_task(
                    _sign(server.served.address, "sign-up/email", name="Victim", **person)
                )
                await asyncio.sleep(throw.uniform(0.05, 1.0))
                await server.kill()
            with contextlib.suppress(httpx.TransportError):
                await signing
            if await _sign(server.served.address, "sign-in/email", **person) != 200:
                up = await _sign(server.served.address, "sign-up/email", name="Victim", **person)
                assert up == 200, "neither in nor up"
            await _whole(store, email)


async def _whole(store: Store, email: str) -> None:
    async with asyncio.timeout(15):
        while True:
            users = await store.find("user", {"email": email})
            assert len(users) == 1
            if users[0].get("onboardedAt") is not None:
                break
            await asyncio.sleep(0.05)
    [user] = users
    assert await store.count("account", {"userId": user["_id"]}) == 1
    [membership] = await store.find("member", {"userId": user["_id"]})
    assert membership["role"] == "owner"
    assert user["activeOrganizationId"] == str(membership["organizationId"])
    assert await store.count("organization", {"_id": membership["organizationId"]}) == 1


# I24


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime (Debian: faketime)")
async def test_i24_a_clock_that_is_set_neither_ends_sessions_nor_revives_them(
    mongo: EmbeddedMongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of seconds, an hour and a day; only a step beyond the expiry ends a session."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")
    async with process(mongo, tmp_path) as (store, settings, server):
        monkeypatch.undo()
        assert os.environ.get("LD_PRELOAD") is None
        alice = await add_person(store, settings, "Alice")
        address = server.served.address
        known = [("Sessionwire-Version", format_version(await store.ping()))]
        async with witness(address, "session", cookie=alice.cookie, headers=known) as live:
            await live.until_shown(0)
            for step in ("+1s", "-1s", "+1h", "-1h", "-1d", "+1d", "+0"):
                clock.write_text(step)
                name = f"after {step}"
                async with store.writing() as writing:
                    change = {"$set": {"name": name}}
                    await writing.update_one("user", {"_id": alice.id}, change)
                await live.until_shown(0, lambda data, n=name: data["user"]["name"] == n, within=5)  # type: ignore[misc]
                assert await _reads(address, alice.cookie) == name
            assert live.bye is None and live.monotonic()
            clock.write_text("+8d")
            await store._collection("user").update_one({"_id": alice.id}, {"$set": {"image": "x"}})
            await live.until_ended(within=10)
            assert live.bye == "expired"
        assert await _reads(address, alice.cookie) is None
        assert "Traceback" not in server.served.printed


async def _reads(address: str, cookie: str) -> str | None:
    async with httpx.AsyncClient(base_url=address, timeout=10) as http:
        answer = await http.get(
            "/api/auth/get-session?disableRefresh=true", headers={"cookie": cookie}
        )
        assert answer.status_code == 200, answer.text
        return None if answer.json() is None else str(answer.json()["user"]["name"])
