from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auth.conftest import mongodb_uri, store
from auth.rig import settings_with
from gateways.pages.visitor import Site

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

__all__ = ["mongodb_uri", "store"]


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store, settings_with())
