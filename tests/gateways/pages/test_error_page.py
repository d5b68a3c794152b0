"""What went wrong elsewhere: the page, and the contract's endpoint for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auth.rig import settings_with
from gateways.pages.visitor import Site, heading

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

EVIL = "<script>alert(1)</script>"


def site_with(store: Store, **given: Any) -> Site:
    return Site(store, settings_with(**given))


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({}, "/?error=UNKNOWN"),
        ({"error": "state_mismatch"}, "/?error=state_mismatch"),
        ({"error": "a'b-C_9"}, "/?error=a%27b-C_9"),
        ({"error": EVIL}, "/?error=UNKNOWN"),
        ({"error": ""}, "/?error=UNKNOWN"),
        ({"error": "x", "error_description": "a b&c"}, "/?error=x&error_description=a+b%26c"),
    ],
)
async def test_a_shared_database_has_the_redirects_of_the_contract(
    store: Store, query: dict[str, str], location: str
) -> None:
    site = site_with(store, compat="better-auth")
    answer = await site.visitor().get("/api/auth/error", params=query)
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["location"] == location


async def test_production_goes_to_our_page_with_the_code_alone(store: Store) -> None:
    visitor = site_with(store).visitor()
    query = {"error": "state_mismatch", "error_description": EVIL}
    answer = await visitor.get("/api/auth/error", params=query)
    assert (answer.status_code, answer.headers["location"]) == (
        302,
        "/auth/error?error=state_mismatch",
    )
    page = await visitor.get(answer.headers["location"])
    assert (page.status_code, heading(page)) == (200, "This sign-in was interrupted")


async def test_without_pages_it_goes_home(store: Store) -> None:
    answer = await site_with(store, pages=False).visitor().get("/api/auth/error?error=x")
    assert answer.headers["location"] == "/?error=x"


async def test_development_shows_the_page_at_once(store: Store) -> None:
    visitor = site_with(store, environment="development").visitor()
    page = await visitor.get("/api/auth/error?error=state_mismatch")
    assert (page.status_code, heading(page)) == (200, "This sign-in was interrupted")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "form-action 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/auth/error", "/api/auth/error"])
async def test_what_is_no_code_is_not_shown(store: Store, path: str) -> None:
    """OI-13, CVE-2025-71404."""
    visitor = site_with(store, environment="development").visitor()
    for code in (EVIL, "a b", "x" * 200, "ä", "x\n"):
        query = {"error": code, "error_description": "call +1 555 0100"}
        page = await visitor.get(path, params=query)
        assert page.status_code == 200
        assert 'data-testid="code">UNKNOWN<' in page.text
        assert "alert" not in page.text
        assert "555" not in page.text
