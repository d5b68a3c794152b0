from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auth.conftest import mongodb_uri, store
from oidc.certified import Certified, serving_certified
from oidc.forger import Forger, forging
from oidc.walk import Walk, server_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.store.mongo import Store

__all__ = ["mongodb_uri", "store"]


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    async with forging() as forger:
        yield forger


@pytest.fixture
def walk(store: Store, forger: Forger) -> Walk:
    """A server that believes the forger, and ways to walk between them."""
    return Walk(server_with(store, acme=forger.provider), forger)


@pytest.fixture(scope="module")
async def certified() -> AsyncIterator[Certified]:
    async with serving_certified() as certified:
        yield certified
