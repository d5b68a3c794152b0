"""The plugin for the official better-auth client, with the hooks for React, on whole servers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from typing import TYPE_CHECKING

import pytest

from better_auth.nodes import run_script
from better_auth.sites import better_auth
from sessionwire.settings import load_settings
from sessionwire.store.mongo import Store
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from better_auth.nodes import Ended
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")

WITHIN = 120.0
SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


def prepared(mongo: EmbeddedMongo, **more: object) -> Settings:
    return load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
        personal_workspace=False,
        **more,
    )


async def run(name: str, **environment: str) -> Ended:
    """Run the script; one that hangs is ended."""
    async with asyncio.timeout(WITHIN):
        return await run_script(name, **environment)


@contextlib.asynccontextmanager
async def dropped(mongo: EmbeddedMongo, settings: Settings) -> AsyncIterator[None]:
    """The database goes with the test."""
    async with Store.open(mongo.uri, database=settings.database) as store:
        try:
            yield
        finally:
            await store.client.drop_database(settings.database)


async def test_the_hooks_are_live_on_our_server(mongo: EmbeddedMongo) -> None:
    settings = prepared(mongo)
    async with dropped(mongo, settings), run_server(settings) as running:
        ended = await run(
            "plugin.mjs",
            ADDRESS=running.address,
            MONGODB_URI=mongo.uri,
            DATABASE=settings.database,
            ACTIVE_ORGANIZATION="user",
        )
    assert ended.code == 0, ended.said
    assert ended.held >= 50


async def test_the_hooks_are_live_with_our_server_beside_better_auth(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    settings = prepared(mongo, compat="better-auth", active_organization="session")
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(dropped(mongo, settings))
        site = await stack.enter_async_context(better_auth(settings, tmp_path))
        trusting = settings.model_copy(update={"trusted_origins": [site.address]})
        running = await stack.enter_async_context(run_server(trusting))
        ended = await run(
            "plugin.mjs",
            ADDRESS=site.address,
            WIRE=running.address,
            MONGODB_URI=mongo.uri,
            DATABASE=settings.database,
            ACTIVE_ORGANIZATION="session",
        )
    assert ended.code == 0, ended.said
    assert ended.held >= 50


async def test_without_a_live_wire_the_hooks_are_those_of_better_auth(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    settings = prepared(mongo, compat="better-auth")
    async with dropped(mongo, settings), better_auth(settings, tmp_path) as site:
        ended = await run("plugin-alone.mjs", ADDRESS=site.address)
    assert ended.code == 0, ended.said
    assert ended.held >= 40
