"""What the tests of the doctor share."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _left_by_the_driver(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect here what PyMongo leaves when it is closed while it connects, as it is all the time
    where servers are broken: an open socket is no fault of a later test."""
    yield
    if request.node.get_closest_marker("filterwarnings"):
        gc.collect()
