"""`/`, where nothing else is served there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth.rig import settings_with
from gateways.pages.visitor import Site, heading

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


async def test_home_says_who_is_signed_in_and_how_to_be(store: Store) -> None:
    visitor = Site(store, settings_with()).visitor()
    page = await visitor.get("/")
    assert (page.status_code, heading(page)) == (200, "Welcome")
    assert 'href="/sign-in"' in page.text
    assert (await visitor.sign_up(name="Ada <b>")).status_code == 303
    page = await visitor.get("/")
    assert (page.status_code, heading(page)) == (200, "Ada &lt;b&gt;")
    assert visitor.email in page.text and 'href="/sign-out"' in page.text
    assert page.headers["cache-control"] == "no-store"
