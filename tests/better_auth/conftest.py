"""A live better-auth server and ours, for the tests of a module."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

import pytest

from better_auth.pair import Pair
from better_auth.sites import Browser, better_auth
from sessionwire.settings import load_settings
from sessionwire.store.mongo import Store
from support.server import run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.embedded import EmbeddedMongo

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@pytest.fixture(scope="module")
async def servers(
    mongo: EmbeddedMongo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """better-auth wrote the database first."""
    settings = load_settings(
        mongodb_uri=mongo.uri,
        database=f"test_{secrets.token_hex(6)}",
        secret=SECRET,
        compat="better-auth",
        active_organization="session",
    )
    async with contextlib.AsyncExitStack() as stack:
        directory = tmp_path_factory.mktemp("interoperation")
        site = await stack.enter_async_context(better_auth(settings, directory))
        early = await stack.enter_async_context(Browser.opened())
        await early.sign_up(site.address, "Early")
        running = await stack.enter_async_context(run_server(settings))
        store = await stack.enter_async_context(Store.open(mongo.uri, database=settings.database))
        assert await early.user_id(running.address) == early.id
        yield Pair(running, site, store, contextlib.AsyncExitStack())
        await store.client.drop_database(settings.database)


@pytest.fixture
async def pair(servers: Pair) -> AsyncIterator[Pair]:
    async with contextlib.AsyncExitStack() as servers.browsers:
        yield servers
