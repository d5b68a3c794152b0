"""The Python of a page of the documentation, run as it stands there."""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateways.python.site import Site, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from sessionwire.settings import Settings

__all__ = ["ROOT", "example", "serve_example"]

ROOT = Path(__file__).parents[2]


def example(page: str, number: int = 0) -> str:
    """The page's code block of this number, from 0."""
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return found[number]


@contextlib.asynccontextmanager
async def serve_example(
    page: str, number: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """Serve the `app` of a code block on the test's database until the block ends."""
    assert settings.mongodb_uri is not None and settings.secret is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        uri = settings.mongodb_uri.get_secret_value()
        monkeypatch.setenv("MONGODB_URI", uri)
        monkeypatch.setenv("SESSIONWIRE_MONGODB_URI", uri)
        monkeypatch.setenv("SESSIONWIRE_SECRET", settings.secret.get_secret_value())
        monkeypatch.setenv("SESSIONWIRE_DATABASE", settings.database)
        monkeypatch.setenv("SESSIONWIRE_BASE_URL", address)
        names: dict[str, Any] = {}
        exec(compile(example(page, number), page, "exec"), names)
        async with serve_app(names["app"], names["wire"].settings, listener):
            yield Site(address, names["wire"], names["wire"].settings)
