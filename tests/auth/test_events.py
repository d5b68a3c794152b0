"""Events: who is told, when, and what a hook of the application may do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import DEVICE, House
from auth.rig import unique_address
from sessionwire.auth import hooks
from sessionwire.auth.clock import utc_now
from sessionwire.auth.events import Event, EventKind, Events
from sessionwire.auth.hooks import Hook
from sessionwire.auth.onboarding import ensure, onboard
from sessionwire.errors import Unavailable
from sessionwire.model import ObjectId, Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionwire.store.mongo import Store

AT = Version(7)


def event(kind: EventKind = "signed_in", user_id: str = "u", **more: Any) -> Event:
    return Event(kind, utc_now(), user_id, **more)


async def shown(version: Version) -> None:
    """Everything is shown at once."""


class Heard:
    """Collects events, and says when there are so many."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    async def __call__(self, event: Event) -> None:
        self.take(event)

    def take(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, count: int) -> list[Event]:
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.events


async def test_a_hook_hears_its_kind_in_order() -> None:
    events, heard = Events(), Heard()
    events.listen("signed_in", heard)
    async with events.running(shown):
        some = [event(user_id=str(n)) for n in range(20)]
        await events.tell([event("user_deleted"), *some], version=AT)
        assert await heard.until(20) == some


async def test_a_hook_is_called_once_its_event_is_shown() -> None:
    events, heard = Events(), Heard()
    events.listen("signed_in", heard)
    visible = asyncio.Event()
    waited: list[Version] = []

    async def until(version: Version) -> None:
        waited.append(version)
        await visible.wait()

    async with events.running(until):
        await events.tell([event()], version=AT)
        for _ in range(5):
            await asyncio.sleep(0)
        assert waited == [AT] and heard.events == []
        visible.set()
        await heard.until(1)


async def test_a_hook_is_called_although_the_stream_is_behind() -> None:
    events, heard = Events(), Heard()
    events.listen("signed_in", heard)

    async def behind(version: Version) -> None:
        raise Unavailable("The change stream is behind.")

    async with events.running(behind):
        await events.tell([event()], version=AT)
        await heard.until(1)


async def test_what_is_noted_twice_is_told_once() -> None:
    events, heard = Events(), Heard()
    events.listen("session_ended", heard)
    async with events.running(shown):
        twice = [event("session_ended", session_id="s", reason="revoked") for _ in range(2)]
        other = event("session_ended", session_id="t", reason="revoked")
        await events.tell([*twice, other], version=AT)
        await heard.until(2)
    assert [each.session_id for each in heard.events] == ["s", "t"]
    assert twice[0].id != twice[1].id


async def test_a_slow_hook_delays_nobody_else() -> None:
    events, heard = Events(), Heard()
    stuck = asyncio.Event()

    async def slow(event: Event) -> None:
        await stuck.wait()

    events.listen("signed_in", slow)
    events.listen("signed_in", heard)
    async with events.running(shown):
        await events.tell([event(), event(user_id="v")], version=AT)
        await heard.until(2)
        stuck.set()


async def test_a_failing_hook_is_logged_and_called_again(caplog: pytest.LogCaptureFixture) -> None:
    events, heard = Events(), Heard()

    async def failing(event: Event) -> None:
        heard.take(event)
        raise ValueError("no")

    async def cancelled(event: Event) -> None:
        heard.take(event)
        raise asyncio.CancelledError

    def raising(event: Event) -> None:
        loop.call_soon_threadsafe(heard.take, event)
        raise SystemExit

    loop = asyncio.get_running_loop()
    for hook in (failing, cancelled, raising):
        events.listen("signed_in", hook)
    async with events.running(shown):
        await events.tell([event(), event(user_id="v")], version=AT)
        await heard.until(6)
    assert sum("failed at signed_in" in each for each in caplog.messages) == 4
    assert sum("was cancelled at signed_in" in each for each in caplog.messages) == 2


async def test_an_async_hook_that_hangs_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()

    async def hanging(event: Event) -> None:
        heard.take(event)
        await asyncio.Event().wait()

    hook = Hook(hanging, deadline=0.01)
    await _run_with(hook, lambda: heard.until(2))
    assert any("takes longer" in each for each in caplog.messages)


async def _run_with(hook: Hook, until: Callable[[], Any], *, offers: int = 2) -> None:
    running = asyncio.ensure_future(hook.run(shown))
    for _ in range(offers):
        hook.offer(event(), AT)
    await until()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_plain_hook_may_block(caplog: pytest.LogCaptureFixture) -> None:
    release, heard, loop = threading.Event(), Heard(), asyncio.get_running_loop()
    names: list[str] = []

    def blocking(event: Event) -> None:
        names.append(threading.current_thread().name)
        release.wait(10)
        loop.call_soon_threadsafe(heard.take, event)

    async def complained() -> None:
        async with asyncio.timeout(10):
            while "takes longer" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the log tells nobody
        assert len(names) == 1, "the second call waits for the first"
        release.set()
        await heard.until(2)

    await _run_with(Hook(blocking, deadline=0.01), complained)
    assert "MainThread" not in names


async def test_what_does_not_fit_into_the_queue_is_dropped(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "_QUEUE", 2)
    hook = Hook(Heard())
    for _ in range(3):
        hook.offer(event(), AT)
    assert [each for each in caplog.messages if "was dropped" in each]


async def test_the_end_waits_for_what_was_told() -> None:
    events, heard = Events(), Heard()

    async def later(event: Event) -> None:
        await asyncio.sleep(0)
        heard.take(event)

    events.listen("signed_in", later)
    async with events.running(shown):
        await events.tell([event(user_id=str(n)) for n in range(50)], version=AT)
    assert len(heard.events) == 50


async def test_the_end_does_not_wait_for_ever(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionwire.auth.events._DRAINS_WITHIN", 0.01)
    events = Events()

    async def hanging(event: Event) -> None:
        await asyncio.Event().wait()

    events.listen("signed_in", hanging)
    async with events.running(shown):
        await events.tell([event()], version=AT)
    assert "before all hooks were called" in caplog.text


async def test_a_kind_that_there_is_not_is_refused() -> None:
    events = Events()
    with pytest.raises(ValueError, match="user_created"):
        events.listen("user_creatd", Heard())


async def test_hooks_are_registered_before_the_start() -> None:
    events = Events()
    async with events.running(shown):
        with pytest.raises(RuntimeError, match="before the server starts"):
            events.listen("signed_in", Heard())
    events.listen("signed_in", Heard())


async def test_a_user_is_created_once_whoever_sets_them_up(store: Store) -> None:
    user = {"_id": ObjectId(), "name": "Ada", "email": unique_address("ada")}
    async with store.writing() as writing:
        await writing.insert_one("user", user)
    many = [(Events(), Heard()) for _ in range(5)]
    async with contextlib.AsyncExitStack() as stack:
        for events, heard in many:
            events.listen("user_created", heard)
            await stack.enter_async_context(events.running(shown))
        now = utc_now()
        await asyncio.gather(
            *(
                ensure(store, user["_id"], now=now, events=events)
                for events, _ in many
                for _ in "12"
            )
        )
    told = [each for _, heard in many for each in heard.events]
    assert [each.user_id for each in told] == [str(user["_id"])]


async def test_a_user_is_created_although_the_request_fails(store: Store) -> None:
    events, heard = Events(), Heard()
    events.listen("user_created", heard)
    user = {"_id": ObjectId(), "name": "Ada", "email": unique_address("ada")}
    async with events.running(shown):
        with contextlib.suppress(ValueError):
            async with store.writing() as writing:
                await writing.insert_one("user", user)
                await onboard(
                    store,
                    writing,
                    user["_id"],
                    now=utc_now(),
                    personal_workspace=True,
                    events=events,
                )
                raise ValueError
        assert (await heard.until(1))[0].user_id == str(user["_id"])


async def test_the_use_cases_note_what_they_do(store: Store) -> None:
    house = House(store)
    async with store.writing() as writing:
        entered = await house.accounts.sign_up(
            writing,
            name="Alice",
            email=unique_address(),
            password="password1234",
            image=None,
            device=DEVICE,
        )
        who = await house.again(entered)
        await house.accounts.update_profile(writing, who.user, {"name": "Alicia"})
        await house.sessions.end_all(writing, who.user, reason="revoked")
        said = [(each.kind, each.user_id, each.reason) for each in writing.notes]
    id = str(who.user["_id"])
    assert said == [
        ("signed_in", id, None),
        ("user_updated", id, None),
        ("session_ended", id, "revoked"),
    ]
