from __future__ import annotations

import asyncio
import hashlib
import string
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import DEVICE, House
from auth.rig import Crash, CrashingStore, DatabaseReader, settings_with
from sessionwire.auth.clock import utc_now
from sessionwire.auth.sessions import cookies_of, presented, viewer_of
from sessionwire.model import ANONYMOUS, ObjectId, Viewer
from sessionwire.policy.lifetime import LIFETIME
from sessionwire.reactive.identity import tombstone_id

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


async def test_se_01_only_the_hash_of_a_token_is_stored(store: Store) -> None:
    entered = await House(store).sign_up()
    token = entered.opened.token
    assert len(token) == 32 and set(token) <= set(string.ascii_letters + string.digits)
    session = await store.find_one("session", {"_id": entered.opened.document["_id"]})
    assert session is not None
    assert session["token"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(session)
    assert entered.opened.handle == str(session["_id"])


async def test_a_better_auth_database_keeps_the_token_itself(store: Store) -> None:
    entered = await House(store, compat="better-auth").sign_up()
    assert entered.opened.document["token"] == entered.opened.token == entered.opened.handle


async def test_se_01_every_sign_in_has_a_token_of_its_own(store: Store) -> None:
    house = House(store)
    first = await house.sign_up()
    second = await house.sign_in(first.user["email"])
    assert first.opened.token != second.opened.token


async def test_a_session_remembers_where_it_was_opened(store: Store) -> None:
    house = House(store)
    user = (await house.sign_up()).user
    async with store.writing() as writing:
        opened = await house.sessions.open(
            writing, user, type(DEVICE)("192.0.2.7", "x" * 1000, remember=False)
        )
    session = opened.document
    assert (session["ipAddress"], session["userAgent"]) == ("192.0.2.7", "x" * 256)
    assert session["expiresAt"] - session["createdAt"] == timedelta(days=1)


@pytest.mark.parametrize(
    ("broken", "stands"),
    [
        ({}, True),
        ({"session": {"expiresAt": utc_now() - timedelta(seconds=1)}}, False),
        ({"session": {"expiresAt": "tomorrow"}}, False),
        ({"session": {"expiresAt": None}}, False),
        ({"session": {"updatedAt": None}}, True),
        ({"session": {"userId": None}}, False),
        ({"session": {"userId": ObjectId()}}, False),
        ({"user": {"banned": True}}, False),
        ({"user": {"banned": "yes"}}, True),
    ],
)
async def test_the_database_and_the_session_query_say_the_same(
    store: Store, broken: dict[str, dict[str, Any]], stands: bool
) -> None:
    """Every state of a session gets one verdict, whoever is asked."""
    house = House(store)
    who = await house.person()
    ids = {"session": who.session["_id"], "user": who.user["_id"]}
    async with store.writing() as writing:
        for collection, change in broken.items():
            await writing.update_one(collection, {"_id": ids[collection]}, {"$set": change})
    viewer = Viewer(who.session["token"])
    reader = DatabaseReader(store, settings_with())
    view = (await reader.read("session", viewer)).value
    past = view is not None and (
        view.session.expires_at is None or view.session.expires_at <= utc_now().isoformat()
    )
    assert (await house.sessions.find(viewer) is not None) is stands
    assert (view is not None and not past) is stands


async def test_of_fifty_that_extend_at_once_one_does(store: Store) -> None:
    house = House(store)
    session = (await house.person()).session
    ends = [utc_now() + LIFETIME + timedelta(seconds=n) for n in range(50)]

    async def extend(end: Any) -> None:
        async with store.writing() as writing:
            await house.sessions.extend(
                writing, session["_id"], seen=session["expiresAt"], expires_at=end
            )

    await asyncio.gather(*(extend(end) for end in ends))
    kept = await store.find_one("session", {"_id": session["_id"]})
    assert kept is not None and kept["expiresAt"] in ends


@pytest.mark.parametrize("reason", ["signed_out", "revoked", "password_changed", "deleted"])
async def test_an_end_is_explained_before_it_happens(store: Store, reason: Any) -> None:
    house = House(store)
    who = await house.person()
    crashing = CrashingStore(store, crash_at=1)
    with pytest.raises(Crash):
        async with crashing.writing() as writing:
            await house.sessions.end(writing, [who.session], reason=reason)
    stone = await store.find_one("sessionEnd", {"_id": tombstone_id(who.session["token"])})
    assert stone is not None and stone["reason"] == reason
    assert await house.sessions.find(Viewer(who.session["token"])) is not None

    async with store.writing() as writing:
        await house.sessions.end(writing, [who.session], reason=reason)
    assert await house.sessions.find(Viewer(who.session["token"])) is None


async def test_se_09_nobody_revokes_the_session_of_another(store: Store) -> None:
    house = House(store)
    alice, mallory = await house.person(), await house.person("Mallory")
    async with store.writing() as writing:
        done = await house.sessions.revoke(
            writing, mallory.user, house.sessions.handle(alice.session)
        )
        assert done is None and writing.version == 0
    assert await house.sessions.find(Viewer(alice.session["token"])) is not None


@pytest.mark.parametrize("compat", ["none", "better-auth"])
async def test_a_session_is_revoked_by_its_handle(store: Store, compat: Any) -> None:
    house = House(store, compat=compat)
    who = await house.person()
    async with store.writing() as writing:
        done = await house.sessions.revoke(writing, who.user, house.sessions.handle(who.session))
    assert done is not None
    assert await house.sessions.find(Viewer(who.session["token"])) is None


async def test_the_cookie_and_the_bearer_name_the_same_viewer() -> None:
    settings = settings_with()
    cookies = cookies_of(settings)
    line = cookies.session("A" * 32, remember=True)[0].partition(";")[0]
    value = line.partition("=")[2]

    def viewer(**headers: str | None) -> Viewer:
        given: dict[str, str | None] = {"cookie": None, "authorization": None, "origin": None}
        return viewer_of(presented(cookies, **{**given, **headers}).token, compat=settings.compat)

    wanted = Viewer(hashlib.sha256(b"A" * 32).hexdigest())
    assert viewer(cookie=line) == wanted
    assert viewer(authorization=f"Bearer {value}") == wanted
    assert viewer(authorization=f"Bearer {value}", origin="https://app.test") == ANONYMOUS
    assert viewer(authorization="Bearer garbage", cookie=line) == ANONYMOUS
    assert viewer(authorization="Basic garbage", cookie=line) == wanted
    assert viewer() == ANONYMOUS
