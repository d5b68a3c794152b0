"""A server inside an application that never said where it answers, as in a first try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from sessionwire.app import SessionWire
from sessionwire.settings import Settings, load_settings

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

FORM = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}


@pytest.mark.parametrize(
    ("given", "origin", "status"),
    [
        ({}, "http://127.0.0.1:5173", 200),
        ({}, "http://localhost:5173", 200),
        ({}, "http://evil.example", 403),
        ({"base_url": "http://127.0.0.1:8000"}, "http://127.0.0.1:5173", 403),
        ({"base_url": "http://127.0.0.1:8000"}, "http://127.0.0.1:8000", 200),
    ],
)
async def test_in_development_its_own_pages_may_write_whatever_its_port(
    settings: Settings, store: Store, given: dict[str, str], origin: str, status: int
) -> None:
    assert settings.mongodb_uri is not None and settings.secret is not None
    wire = SessionWire(
        load_settings(
            mongodb_uri=settings.mongodb_uri.get_secret_value(),
            database=settings.database,
            secret=settings.secret.get_secret_value(),
            **given,
        )
    )
    transport = httpx.ASGITransport(wire)
    async with wire.lifespan(), httpx.AsyncClient(transport=transport, base_url=origin) as browser:
        signed_up = await browser.post(
            "/api/auth/sign-up/email", json=FORM, headers={"origin": origin}
        )
        assert signed_up.status_code == status, signed_up.text
        page = await browser.post("/sign-out", headers={"origin": origin})
        assert page.status_code == (303 if status == 200 else 403)
