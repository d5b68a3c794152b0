"""Composition: settings become a store, a relay and gateways, and these one ASGI application."""

from __future__ import annotations

import contextlib
import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from starlette.applications import Starlette

from sessionwire.assembly import (
    embedded,
    identify,
    router_of,
    served_hosts,
    spans_of,
    webhook_of,
)
from sessionwire.auth.api import API, Auth
from sessionwire.auth.clock import utc_now
from sessionwire.auth.events import Events
from sessionwire.auth.trigger import OnboardingTrigger
from sessionwire.exchange.backing import Backing
from sessionwire.gateways.auth.held import HeldAnswers
from sessionwire.gateways.door import Door
from sessionwire.gateways.live.asyncapi import asyncapi
from sessionwire.gateways.live.routes import LiveGateway
from sessionwire.gateways.operations.metrics import Sources
from sessionwire.gateways.operations.operations import Operations
from sessionwire.gateways.operations.pulse import Pulse
from sessionwire.gateways.python.server import STATE
from sessionwire.gateways.shell import Shell, not_ready
from sessionwire.mail.carriers import carrier_of
from sessionwire.mail.postman import Postman
from sessionwire.observing.observation import Observation
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.extras import extras_of
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.typescript import typescript
from sessionwire.relay import Relay
from sessionwire.release import __version__
from sessionwire.settings import Settings, load_settings
from sessionwire.startup import checked
from sessionwire.store.feed import Feed
from sessionwire.store.load import Loader
from sessionwire.store.mapping import naming_of
from sessionwire.store.mongo import Store
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from sessionwire.auth.events import EventKind
    from sessionwire.gateways.operations.requests import Requests
    from sessionwire.mail.postman import Carry

__all__ = ["SessionWire"]

COLLECTIONS = ("user", "session", "sessionEnd", "organization", "member", "invitation")

_Function = TypeVar("_Function", bound="Callable[..., Any]")


class SessionWire:
    """The whole server as one ASGI application: serve it alone, or mount it into another.

        wire = SessionWire()
        app = Starlette(routes=[*my_routes, Mount("/", wire)], lifespan=wire.lifespan)

    `settings` default to the environment's (`SESSIONWIRE_…`); keywords override single ones.
    `client` is an AsyncMongoClient or an AsyncIOMotorClient of the application; it is not closed.
    Without it and without `mongodb_uri`, an embedded mongod is started. `send_mail` delivers a
    Letter in place of the configured SMTP server. `on_user_created=function`, and so for each
    event, is `on("user_created")(function)`. Raises TypeError for a keyword that there is not.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        client: Any = None,
        demo: bool = False,
        send_mail: Carry | None = None,
        **given: Any,
    ) -> None:
        hooks = {name: given.pop(name) for name in [*given] if name.startswith("on_")}
        unknown = sorted(given if settings is not None else given.keys() - Settings.model_fields)
        if unknown:
            raise TypeError(f"SessionWire() takes no {', '.join(unknown)} here")
        self.settings = load_settings(**given) if settings is None else checked(settings)
        self.events = Events()
        for name, hook in hooks.items():
            self.events.listen(name.removeprefix("on_"), hook)
        self._send_mail = send_mail
        self._client = client
        self._naming = naming_of(self.settings)
        self._demo = demo
        self._queries = make_queries(
            active_organization=self.settings.active_organization,
            maximum=timedelta(days=self.settings.session_maximum_days),
            extras=extras_of(self.settings),
        )
        self.auth = Auth()
        self._router: Requests | None = None
        self._relay: Relay | None = None
        self._live: LiveGateway | None = None

    @property
    def relay(self) -> Relay:
        """The running relay. Raises RuntimeError outside the lifespan."""
        if self._relay is None:
            raise RuntimeError("sessionwire is not running: pass lifespan=wire.lifespan to the app")
        return self._relay

    def query(self, name: str) -> Callable[[_Function], _Function]:
        """Register a live query: a plain function `(ctx, **args)` over `ctx.get` and `ctx.where`.

        Its value is what msgspec can encode as JSON; clients subscribe to it by name.
        """

        def register(function: _Function) -> _Function:
            self._queries.add(name, function)
            return function

        return register

    def types(self) -> str:
        """A TypeScript module of what the queries show, those registered so far included."""
        return typescript(self._queries, extras=extras_of(self.settings))

    def asyncapi(self) -> dict[str, Any]:
        """The live wire as an AsyncAPI document, with the queries registered so far."""
        extras = extras_of(self.settings)
        return asyncapi(self._queries, version=__version__, extras=extras)

    def on(self, kind: EventKind | Literal["revoked"]) -> Callable[[_Function], _Function]:
        """Call the function, plain or async, with each Event of this kind (docs/hooks.md).

        Nobody waits for it, and its failure is logged. "revoked" is another name of
        "session_ended". Raises ValueError for an unknown kind.
        """

        def register(function: _Function) -> _Function:
            self.events.listen(kind, function)
            return function

        return register

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[dict[str, Any]]:
        """Start, serve while the block runs, stop. Raises StartupError with the remedy.

        It yields the lifespan's state, and keeps itself in `app.state`: there the helpers find it.
        """
        spans = spans_of(self.settings)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._kept_in(getattr(app, "state", None)))
            store = await self._open_store(stack)
            await store.ensure_indexes()
            relay = self._make_relay(store)
            trigger = self._make_trigger(store)
            relay.observers.append(trigger.observe)
            await stack.enter_async_context(relay.running())
            await stack.enter_async_context(self.events.running(relay.until))
            postman = Postman(self._send_mail or carrier_of(self.settings, store))
            await stack.enter_async_context(background(trigger.run(), postman.run()))
            webhook = await stack.enter_async_context(
                webhook_of(self.settings, store=store, relay=relay, events=self.events)
            )
            backing = Backing.of(
                store=store, relay=relay, settings=self.settings, post=postman, events=self.events
            )
            live = LiveGateway(
                relay=relay,
                limits=self.settings.limits,
                identify=functools.partial(identify, backing),
            )
            stack.callback(live.stop)
            self._relay, self._live = relay, live
            observation = Observation(
                relay, self.settings, present=live.present, software=__version__
            )
            sources = Sources(
                software=__version__,
                started=utc_now(),
                relay=relay,
                ready=lambda: relay.live and not live.admission.stopping,
                observation=observation,
                events=self.events,
                throttle=backing.throttle,
                handshakes=live.refused,
                postman=postman,
                webhook=webhook,
                pulse=Pulse(),
            )
            operations = Operations(
                sources,
                self.settings,
                stopping=lambda: live.admission.stopping,
                backlog=None if webhook is None else webhook.backlog,
            )
            await stack.enter_async_context(operations.running())
            requests, changes = spans or (None, None)
            held = HeldAnswers(relay.hub, clock=backing.clock)
            if changes is not None:
                await stack.enter_async_context(background(changes.run(observation)))
            router = router_of(
                backing,
                relay=relay,
                live=live,
                observation=observation,
                operations=operations,
                held=held,
                asyncapi=self.asyncapi,
                demo=self._demo,
            )
            door = Door(self._before(router), hosts=served_hosts(self.settings))
            shell = Shell(door, secure=self.settings.secure)
            self._router = operations.around(shell, router.routes, held=held, spans=requests)
            stack.callback(self._forget)
            api = API(backing.reading, backing.origins, self.settings.secure)
            stack.enter_context(self.auth.serving(api))
            yield {STATE: self}

    @contextlib.contextmanager
    def _kept_in(self, state: Any) -> Iterator[None]:
        """Where the helpers find it, while the block runs."""
        if state is None:
            yield
            return
        if getattr(state, STATE, None) is not None:
            raise RuntimeError(
                "Two servers in one application: mount each in a sub-application of its own, and "
                "start it with wire.lifespan(that application)."
            )
        setattr(state, STATE, self)
        try:
            yield
        finally:
            delattr(state, STATE)

    async def _open_store(self, stack: contextlib.AsyncExitStack) -> Store:
        settings = self.settings
        uri = None
        if self._client is None:
            if settings.mongodb_uri is None:
                uri = await stack.enter_async_context(embedded(settings))
            else:
                uri = settings.mongodb_uri.get_secret_value()
        return await stack.enter_async_context(
            Store.open(
                uri,
                database=settings.database,
                driver=settings.driver,
                client=self._client,
                naming=self._naming,
            )
        )

    def _make_relay(self, store: Store) -> Relay:
        limits = self.settings.limits
        hub = Hub(
            self._queries, idle_documents=limits.idle_documents, idle_watches=limits.idle_watches
        )
        return Relay(
            store=store,
            feed=Feed(store, COLLECTIONS, heeds=hub.heeds),
            loader=Loader(store),
            hub=hub,
            limits=limits,
        )

    def _make_trigger(self, store: Store) -> OnboardingTrigger:
        return OnboardingTrigger(
            store,
            personal_workspace=self.settings.personal_workspace,
            clock=utc_now,
            events=self.events,
        )

    def _before(self, router: ASGIApp) -> ASGIApp:
        """What stands between the door and the routes."""
        return router

    def answer_again(self, address: bytes, scope: Scope) -> tuple[int, bytes] | None:
        """What a GET without a body is answered, if that holds from before; counted as a request.

        It is a status, and what follows the web server's own headers.
        """
        return None if self._router is None else self._router.answer_again(address, scope)

    def refuse_more(self) -> None:
        """Take no more connections, and call itself not ready: the server around it will stop."""
        if self._live is not None:
            self._live.admission.stopping = True

    def _forget(self) -> None:
        self._router = self._relay = self._live = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Starlette(lifespan=self.lifespan)({"state": {}, **scope}, receive, send)
        elif self._router is not None:
            await self._router(scope, receive, send)
        else:
            await Shell(not_ready, secure=self.settings.secure)(scope, receive, send)
