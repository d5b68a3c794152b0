"""Versions under fault: never back, never skipped unnoticed, never shown twice (I2, I6, I7, I8)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chaos.frames import Tamper
from chaos.seeds import longer
from chaos.site import SHORT, Site, rename, site
from chaos.witness import witness
from sessionwire.model import Version, format_version
from sessionwire.store.feed import Feed
from support.following import failing
from support.server import LiveClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.reactive.view import Context
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

PAGE = Path(__file__).with_name("page.mjs")


# I2


async def test_i02_a_process_that_lags_never_shows_what_is_older_than_what_the_client_saw(
    data: tuple[Store, Settings],
) -> None:
    patient = SHORT.model_copy(update={"max_staleness": 30.0, "read_deadline": 10.0})
    async with site(*data) as ahead, site(*data, limits=patient) as behind:
        alice = await ahead.person()
        async with (
            witness(behind.server.address, "session", cookie=alice.cookie) as warm,
            witness(ahead.server.address, "session", cookie=alice.cookie) as seen,
        ):
            await warm.until_shown(0)  # it holds an old state, which it could show
            await seen.until_shown(0)
            behind.link.down.hold()
            await rename(ahead.store, alice, "Ada")
            await seen.until_shown(0, lambda data: data["user"]["name"] == "Ada")
            late = asyncio.create_task(_read(behind, alice.cookie, seen.version))
            async with witness(
                behind.server.address, "session", cookie=alice.cookie, since=seen.version
            ) as after:
                await after.until(lambda: {"op": "pending", "id": 0} in after.frames)
                behind.link.down.release()
                await after.until_shown(0)
                assert after.updates[0]["version"] >= seen.version
                assert after.shows[0]["user"]["name"] == "Ada"
            assert await late in ("Ada", 503)
            assert warm.monotonic()


async def _read(place: Site, cookie: str, version: str) -> str | int:
    async with place.server.http() as http:
        answer = await http.get(
            "/api/auth/get-session", headers={"cookie": cookie, "sessionwire-version": version}
        )
    return str(answer.json()["user"]["name"]) if answer.status_code == 200 else answer.status_code


async def test_i02_a_process_that_stays_behind_says_so_and_shows_nothing(
    two: tuple[Site, Site],
) -> None:
    ahead, behind = two
    alice = await ahead.person()
    async with witness(behind.server.address, cookie=alice.cookie) as live:
        await live.until(lambda: bool(live.frames))
        behind.link.down.hold()
        version = await rename(ahead.store, alice, "Ada")
        await live.subscribe(1, "user", since=format_version(version))
        await live.until_shown(1, within=3)
        assert live.shows[1]["code"] == "version_unavailable"
        assert await _read(behind, alice.cookie, format_version(version)) == 503
        behind.link.down.release()
        await live.until_shown(1, lambda data: data.get("name") == "Ada")


# I7


async def test_i07_events_that_are_told_again_show_nothing_again(
    place: Site, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream resumes from a token of long ago, as a driver may after a failure.

    One event for each batch, so that an old state would be seen.
    """
    for room in ("cursor", "feed"):
        monkeypatch.setattr(f"sessionwire.store.{room}.BATCH", 1)
    alice = await place.person()
    feed = place.server.wire.relay._feed
    assert isinstance(feed, Feed)
    async with witness(place.server.address, "user", "session", cookie=alice.cookie) as live:
        await live.until_shown(1)
        for turn in range(longer(3)):
            old = feed._token
            for number in range(20):
                await rename(place.store, alice, f"{turn} {number}")
            last = f"{turn} 19"
            await live.until_shown(0, lambda data, last=last: data["name"] == last)  # type: ignore[misc]
            before = len(live.updates)
            feed._token = old
            async with failing(admin, "getMore", times=1, closeConnection=True):
                await _replayed(feed, old)
            async with place.store.writing() as writing:
                await writing.insert_one("session", {"token": f"nobody {turn}"})
                await place.server.wire.relay.until(writing.version)
            await live.send(op="ping")
            await live.until(lambda: live.frames[-1]["op"] == "pong")
            assert len(live.updates) == before, "an old state was shown again"
        assert live.monotonic()


async def _replayed(feed: Feed, old: Any) -> None:
    """Wait until the stream is past the old token again."""
    async with asyncio.timeout(10):
        while feed._token == old:  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.005)


# I8


async def test_i08_a_client_that_comes_back_is_resumed_or_told_anew_and_knows_which(
    place: Site,
) -> None:
    alice, bob = await place.person(), await place.person("Bob")
    async with witness(place.server.address, "user", cookie=alice.cookie) as live:
        await live.until_shown(0)
        first, old = live.version, live.tags[0]
        await rename(place.store, alice, "Ada")
        await live.until_shown(0, lambda data: data["name"] == "Ada")
        newest, tag = live.version, live.tags[0]
    async with witness(place.server.address, "user", cookie=bob.cookie) as other:
        await other.until_shown(0)
        foreign = other.tags[0]
    future = format_version(Version(int(newest, 16) + (3600 << 32)))
    async with witness(place.server.address, cookie=alice.cookie) as live:
        await live.subscribe(1, "user", since=newest, tag=tag)  # current
        await live.subscribe(2, "user", since=first, tag=old)  # an old one
        await live.subscribe(3, "user", since=newest, tag=foreign)  # somebody else's
        await live.subscribe(4, "user", since=newest, tag="0" * 16)
        await live.subscribe(5, "user", since=future, tag=tag)
        for garbage in ("", "x" * 16, newest.upper() + "0", "-" + newest[1:], 7):
            await live.send(op="subscribe", id=6, query="user", since=garbage)
        for id in (1, 2, 3, 4, 5):
            await live.until_shown(id)
        ada = {id: live.shows[id]["name"] for id in (2, 3, 4)}
        assert live.shows[1] == "unchanged" and set(ada.values()) == {"Ada"}
        assert live.shows[5]["code"] == "version_unavailable"
        refused = [frame["code"] for frame in live.frames if frame["op"] == "error"]
        assert refused == ["invalid_frame"] * 5
        assert all(frame["version"] >= newest for frame in live.updates)


# I6


def counter(ctx: Context) -> int:
    document = ctx.get("counter", 1)
    return 0 if document is None else int(document["n"])


@contextlib.asynccontextmanager
async def page(address: str, shown: list[dict[str, Any]]) -> AsyncIterator[None]:
    """Adds the states that the JavaScript client shows, as they come."""
    process = await asyncio.create_subprocess_exec(
        "node", "--no-warnings", "--experimental-websocket", str(PAGE), address,
        stdout=asyncio.subprocess.PIPE, stderr=sys.stderr,
    )  # fmt: skip
    assert process.stdout is not None

    async def read(lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            shown.append(json.loads(line))

    reading = asyncio.create_task(read(process.stdout))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
@pytest.mark.parametrize("how", ["repeats", "swaps", "drops"])
async def test_i06_a_frame_that_is_repeated_swapped_or_lost_never_takes_the_page_back(
    data: tuple[Store, Settings], how: str
) -> None:
    """Results are whole, so that a lost one is healed by the next; a new connection asks again."""
    kept: list[bytes] = []
    shown: list[dict[str, Any]] = []

    def treat(number: int, payload: bytes) -> list[bytes]:
        if not shown or shown[-1]["isPending"] or number % 3:
            return [payload, *(kept.pop() for _ in kept[:])]
        if how == "repeats":
            return [payload, payload]
        if how == "swaps":
            kept.append(payload)
        return []

    async with site(*data, queries={"counter": counter}) as place:
        await _count(place.store, 0)
        place.door.down.edit = lambda: Tamper(treat)
        async with page(f"http://127.0.0.1:{place.door.port}", shown):
            await _until(lambda: any(not each["isPending"] for each in shown))
            last = 0
            for last in range(1, 41):
                await _count(place.store, last)
            await asyncio.sleep(0.2)
            place.door.down.edit = None
            place.door.cut()
            await _until(lambda: shown[-1]["data"] == last and shown[-1]["status"] == "live")
    values = [each["data"] for each in shown if not each["isPending"]]
    versions = [each["version"] for each in shown if each["version"] is not None]
    assert values == sorted(values) and len(set(values)) > 10
    assert versions == sorted(versions)


async def _count(store: Store, n: int) -> None:
    async with store.writing() as writing:
        await writing.update_one("counter", {"_id": 1}, {"$set": {"n": n}}, upsert=True)


async def _until(condition: Any, *, within: float = 15.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 (another process sets no event)
            await asyncio.sleep(0.02)


async def test_i06_a_client_that_loses_every_third_frame_is_exact_after_it_asks_again(
    place: Site,
) -> None:
    """What it has missed differs from its tag, whatever it has seen since."""
    alice = await place.person()
    live = LiveClient((await place.server.live(cookie=alice.cookie)).connection)
    await live.subscribe(1, "user")
    tags: list[str] = []
    for number in range(30):
        await rename(place.store, alice, f"n{number}")
        frame = await live.until(lambda frame: frame["op"] == "update")
        if number % 3:
            tags.append(frame["results"][0]["tag"])
    async with witness(place.server.address, cookie=alice.cookie) as again:
        for id, tag in enumerate(tags):
            await again.subscribe(id, "user", since=live.version, tag=tag)
        for id, tag in enumerate(tags):
            shown = await again.until_shown(id)
            if tag == again.tags[id]:
                assert shown == "unchanged"
            else:
                assert shown["name"] == "n29"
