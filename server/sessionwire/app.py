"""Composition: settings become a store, a relay and gateways, and these one ASGI application."""

from __future__ import annotations

import contextlib
import functools
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Router
from starlette.websockets import WebSocketClose

from sessionwire.auth.clock import utc_now
from sessionwire.auth.events import Events
from sessionwire.auth.sessions import cookies_of, presented, viewer_of
from sessionwire.auth.trigger import OnboardingTrigger
from sessionwire.errors import Forbidden
from sessionwire.exchange.backing import Backing
from sessionwire.gateways.auth.routes import auth_routes
from sessionwire.gateways.live.routes import LiveGateway
from sessionwire.gateways.pages.routes import page_routes
from sessionwire.mail.carriers import carrier_of
from sessionwire.mail.postman import Postman
from sessionwire.policy.origins import Origins, Verdict, judge_websocket
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.relay import Relay
from sessionwire.settings import Settings, load_settings
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.feed import Feed
from sessionwire.store.load import Loader
from sessionwire.store.mongo import Store
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import HTTPConnection
    from starlette.types import Receive, Scope, Send

    from sessionwire.auth.mail import Post
    from sessionwire.mail.postman import Carry
    from sessionwire.model import Viewer

__all__ = ["SessionWire"]

logger = logging.getLogger("sessionwire")

COLLECTIONS = ("user", "session", "sessionEnd", "organization", "member", "invitation")
_CLIENT = (
    Path(__file__).parent / "gateways" / "pages" / "client",  # in an installed package
    Path(__file__).parents[2] / "client_js" / "src",  # in a checkout
)

_Function = TypeVar("_Function", bound="Callable[..., Any]")


class SessionWire:
    """The whole server as one ASGI application: serve it alone, or mount it into another.

        wire = SessionWire()
        app = Starlette(routes=[*my_routes, Mount("/", wire)], lifespan=wire.lifespan)

    `settings` default to the environment's (`SESSIONWIRE_…`); keywords override single ones.
    `client` is an AsyncMongoClient or an AsyncIOMotorClient of the application; it is not closed.
    Without it and without `mongodb_uri`, an embedded mongod is started. `send_mail` delivers a
    Letter in place of the configured SMTP server.
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
        self.settings = settings or load_settings(**given)
        self.events = Events()
        self._send_mail = send_mail
        self._client = client
        self._demo = demo
        self._queries = make_queries(
            active_organization=self.settings.active_organization,
            maximum=timedelta(days=self.settings.session_maximum_days),
        )
        self._router: Router | None = None
        self._relay: Relay | None = None

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

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Start, serve while the block runs, stop. Raises StartupError with the remedy."""
        async with contextlib.AsyncExitStack() as stack:
            store = await self._open_store(stack)
            await store.ensure_indexes()
            relay = self._make_relay(store)
            trigger = OnboardingTrigger(
                store, personal_workspace=self.settings.personal_workspace, clock=utc_now
            )
            relay.observers.append(trigger.observe)
            await stack.enter_async_context(relay.running())
            postman = Postman(self._send_mail or carrier_of(self.settings, store))
            await stack.enter_async_context(background(trigger.run(), postman.run()))
            live = LiveGateway(
                relay=relay,
                limits=self.settings.limits,
                identify=functools.partial(_identify, *_identification(self.settings)),
            )
            stack.callback(live.stop)
            self._relay = relay
            self._router = self._routes(store, relay, live, postman)
            stack.callback(self._forget)
            yield

    async def _open_store(self, stack: contextlib.AsyncExitStack) -> Store:
        settings = self.settings
        uri = None
        if self._client is None:
            if settings.mongodb_uri is None:
                uri = await stack.enter_async_context(_embedded(settings))
            else:
                uri = settings.mongodb_uri.get_secret_value()
        return await stack.enter_async_context(
            Store.open(uri, database=settings.database, driver=settings.driver, client=self._client)
        )

    def _make_relay(self, store: Store) -> Relay:
        limits = self.settings.limits
        hub = Hub(
            self._queries, idle_documents=limits.idle_documents, idle_watches=limits.idle_watches
        )
        return Relay(
            store=store,
            feed=Feed(store, COLLECTIONS),
            loader=Loader(store),
            hub=hub,
            limits=limits,
        )

    def _routes(self, store: Store, relay: Relay, live: LiveGateway, post: Post) -> Router:
        client = next(each for each in _CLIENT if each.is_dir())
        backing = Backing.of(
            store=store,
            relay=relay,
            settings=self.settings,
            post=post,
            events=self.events,
        )
        return Router(
            routes=[
                live.route(),
                *auth_routes(backing),
                *page_routes(demo=self._demo, client_directory=client),
            ]
        )

    def _forget(self) -> None:
        self._router = self._relay = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Starlette(lifespan=self.lifespan)(scope, receive, send)
        elif self._router is not None:
            await self._router(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1013)(scope, receive, send)
        else:
            body = {"message": "Not ready", "code": "SERVICE_UNAVAILABLE"}
            await JSONResponse(body, 503, {"Retry-After": "1"})(scope, receive, send)


@contextlib.asynccontextmanager
async def _embedded(settings: Settings) -> AsyncIterator[str]:
    if settings.environment == "production":
        logger.warning("Production on the embedded MongoDB: one node, no authentication")
    async with EmbeddedMongo(settings.data_dir) as mongo:
        yield mongo.uri


def _identification(settings: Settings) -> tuple[Any, Origins, Any]:
    return cookies_of(settings), Origins(settings.base_url, settings.origins), settings.compat


def _identify(cookies: Any, origins: Origins, compat: Any, handshake: HTTPConnection) -> Viewer:
    """Who a handshake speaks for, by the same cookie as over HTTP.

    Raises Forbidden for an Origin that may not connect.
    """
    headers = handshake.headers
    origin = headers.get("origin")
    verdict = judge_websocket(origin, origins, cookie="cookie" in headers)
    if verdict is not Verdict.ALLOWED:
        raise Forbidden("This origin may not connect.", code=verdict.value)
    given = presented(
        cookies,
        cookie=headers.get("cookie"),
        authorization=headers.get("authorization"),
        origin=origin,
    )
    return viewer_of(given.token, compat=compat)
