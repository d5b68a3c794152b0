"""Session reads: what a request claims, and what it stands for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Server
from sessionwire.model import ANONYMOUS, NEVER, format_version

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


async def cookie_of(server: Server) -> str:
    browser = server.browser()
    await browser.sign_up(unique_address())
    return "; ".join(f"{name}={value}" for name, value in browser.jar.items())


async def test_a_claim_is_what_a_signature_vouches_for(server: Server) -> None:
    cookie = await cookie_of(server)
    claim = server.backing.reading.claim({"Cookie": cookie})
    assert claim.by_cookie and claim.token is not None and claim.viewer != ANONYMOUS
    assert claim.since > NEVER  # signing up wrote, and set the version's cookie
    for forged in (cookie.replace("=", "=x", 1), f"{cookie}; {cookie.replace('=', '=y', 1)}", ""):
        assert server.backing.reading.claim({"Cookie": forged}).viewer == ANONYMOUS


async def test_the_newest_version_counts_and_none_that_is_yet_to_come(server: Server) -> None:
    seen = server.backing.reading.claim({"cookie": await cookie_of(server)}).since
    for offset, expected in ((1, seen + 1), (3600 << 32, NEVER)):
        said = {"sessionwire-version": format_version(seen + offset)}
        assert server.backing.reading.claim(said).since == expected


async def test_a_split_cookie_header_is_one_and_two_origins_are_not_none(server: Server) -> None:
    cookie = await cookie_of(server)
    parts = [("cookie", part) for part in cookie.split("; ")]
    assert server.backing.reading.claim(parts) == server.backing.reading.claim([("Cookie", cookie)])
    value = cookie.partition("=")[2].partition(";")[0]
    bearer = [("authorization", f"Bearer {value}")]
    assert server.backing.reading.claim(bearer).viewer != ANONYMOUS
    origins = [*bearer, ("origin", "https://a.test"), ("origin", "https://b.test")]
    assert server.backing.reading.claim(origins).viewer == ANONYMOUS


@pytest.mark.parametrize("days", [7, 400])
async def test_a_session_that_nobody_extended_is_found_until_it_ends(
    server: Server, days: int
) -> None:
    cookie = await cookie_of(server)
    server.ahead = timedelta(days=6, hours=23)
    assert await server.backing.reading.find({"cookie": cookie}) is not None
    server.ahead = timedelta(days=days, seconds=1)
    assert await server.backing.reading.find({"cookie": cookie}) is None


async def test_a_replica_that_lags_signs_nobody_out(server: Server) -> None:
    cookie = await cookie_of(server)
    read = server.reader.read
    behind = [True]

    async def lagging(query: str, viewer: object, *args: object, **more: object) -> object:
        who = ANONYMOUS if behind and behind.pop() else viewer
        return await read(query, who, *args, **more)  # type: ignore[arg-type]

    server.reader.read = lagging  # type: ignore[assignment, method-assign]
    assert await server.backing.reading.find({"cookie": cookie}) is not None
    assert behind == []
