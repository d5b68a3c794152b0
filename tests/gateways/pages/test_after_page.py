"""The page after signing in: it waits for the account to be set up, and not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from gateways.pages.visitor import Site, Visitor, heading

if TYPE_CHECKING:
    import pytest

    from sessionwire.store.mongo import Store


async def unready(site: Site, store: Store) -> Visitor:
    """Somebody who is signed in, and whom nobody set up."""
    visitor = site.visitor()
    await visitor.sign_up()
    async with store.writing() as writing:
        change = {"$unset": {"onboardedAt": ""}}
        await writing.update_one("user", {"email": visitor.email}, change)
    return visitor


async def test_a_visitor_signs_in_first(site: Site) -> None:
    answer = await site.visitor().get("/auth/after?redirect=%2Fprojects")
    location = "/sign-in?redirect=%2Fprojects"
    assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_who_becomes_ready_while_it_waits_is_sent_on(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = await unready(site, store)
    looked, read = asyncio.Event(), site.reader.read

    async def watched(*arguments: Any, **more: Any) -> Any:
        reading = await read(*arguments, **more)
        looked.set()
        return reading

    monkeypatch.setattr(site.reader, "read", watched)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(visitor.get("/auth/after?redirect=%2Fprojects"))
        await asyncio.wait_for(looked.wait(), 5)
        async with store.writing() as writing:
            change = {"$set": {"onboardedAt": site.now()}}
            await writing.update_one("user", {"email": visitor.email}, change)
    answer = waiting.result()
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects")


async def test_who_is_not_ready_sees_how_far_it_is(site: Site, store: Store) -> None:
    visitor = await unready(site, store)
    page = await visitor.get("/auth/after?redirect=%2Fprojects")
    assert (page.status_code, heading(page)) == (200, "Setting up your account")
    refresh = (
        '<meta http-equiv="refresh" content="1;url=/auth/after?redirect=%2Fprojects&amp;tries=1">'
    )
    assert f"<noscript>{refresh}</noscript>" in page.text
    assert 'data-target="/projects"' in page.text
    assert '<div id="trouble" tabindex="-1" hidden' in page.text


async def test_it_gives_up_and_says_what_to_do(site: Site, store: Store) -> None:
    visitor = await unready(site, store)
    shown = await visitor.session()
    assert shown is not None
    for tries in ("4", "999"):
        page = await visitor.get(f"/auth/after?redirect=%2Fprojects&tries={tries}")
        assert page.status_code == 503
        assert '<div id="trouble" tabindex="-1"  data-testid' in page.text
        assert 'http-equiv="refresh"' not in page.text
        assert 'href="/auth/after?redirect=%2Fprojects"' in page.text
        assert 'action="/sign-out?redirect=%2Fprojects"' in page.text
        assert shown["user"]["id"] in page.text


async def test_a_count_that_is_none_counts_as_the_first(site: Site, store: Store) -> None:
    visitor = await unready(site, store)
    page = await visitor.get("/auth/after?tries=-1e9")
    assert "/auth/after?tries=1" in page.text
