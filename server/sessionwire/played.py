"""A server whose sessions are played from memory: for replays, and for tests of applications."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from sessionwire.app import SessionWire
from sessionwire.auth.clock import utc_now
from sessionwire.auth.events import Events
from sessionwire.auth.trigger import OnboardingTrigger
from sessionwire.gateways.shell import refuse
from sessionwire.reactive.hub import Hub
from sessionwire.recording.stage import READ_ONLY, StageFeed, StageLoader, StageStore
from sessionwire.relay import Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from sessionwire.reactive.change import Change
    from sessionwire.recording.stage import Stage
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["PlayedWire", "ReadOnly", "playable"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLL = "/live/poll"
_SAID = "These sessions are played from memory, and cannot be changed here."


def playable(settings: Settings, **more: Any) -> Settings:
    """The settings as far as they say what is shown: nothing is sent, and nobody slowed down."""
    quiet = {
        "environment": "development",
        "compat": "none",
        "webhook_url": None,
        "webhook_secret": None,
        "smtp_host": None,
        "rate_limit": False,
    }
    return settings.model_copy(update={**quiet, **more})


class PlayedWire(SessionWire):
    """All that reads works as on any server: helpers, HTTP, the live wire, the inspector.

    The hub and the relay are the same; in the place of MongoDB there is the stage. What would write
    is answered 503 with the code READ_ONLY.
    """

    def __init__(self, settings: Settings, stage: Stage, *, demo: bool = False) -> None:
        super().__init__(settings, demo=demo)
        self.stage = stage

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[dict[str, Any]]:
        async with super().lifespan(app) as state:
            with self.stage.shown_by(self.relay):
                yield state

    async def _open_store(self, stack: contextlib.AsyncExitStack) -> Store:
        return StageStore(self.stage)

    def _make_relay(self, store: Store) -> Relay:
        limits = self.settings.limits
        hub = Hub(
            self._queries, idle_documents=limits.idle_documents, idle_watches=limits.idle_watches
        )
        return Relay(
            store=store,
            feed=StageFeed(self.stage),
            loader=StageLoader(self.stage),
            hub=hub,
            limits=limits,
        )

    def _make_trigger(self, store: Store) -> OnboardingTrigger:
        return _NoTrigger(store, personal_workspace=False, clock=utc_now, events=Events())

    def _before(self, router: ASGIApp) -> ASGIApp:
        return ReadOnly(router)


class _NoTrigger(OnboardingTrigger):
    """Whoever appears was set up elsewhere."""

    def observe(self, change: Change) -> None:
        pass

    async def run(self) -> None:
        await asyncio.Event().wait()


class ReadOnly:
    """Before a server: requests that would write do not get to it. A poll is a read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writes = scope["type"] == "http" and scope["method"] not in _SAFE
        if writes and not scope["path"].endswith(_POLL):
            await refuse(503, READ_ONLY, _SAID)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
