"""The gateways of one server, put together over its relay: which of them answers what."""

from __future__ import annotations

import contextlib
import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.routing import Router

from sessionwire.auth.clock import utc_now
from sessionwire.auth.reading import joined
from sessionwire.errors import Forbidden, StartupError
from sessionwire.gateways.auth.openapi import openapi
from sessionwire.gateways.auth.routes import ENDPOINTS, auth_routes
from sessionwire.gateways.documents import document_routes
from sessionwire.gateways.inspector.access import Access
from sessionwire.gateways.inspector.routes import Inspector
from sessionwire.gateways.live.poll import PollGateway
from sessionwire.gateways.pages import error_page
from sessionwire.gateways.pages.routes import page_routes
from sessionwire.gateways.shell import unknown
from sessionwire.policy.cookies import speaks_for_somebody
from sessionwire.policy.hosts import hosts_of
from sessionwire.policy.origins import Verdict, judge_websocket
from sessionwire.release import __version__
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.tasks import background
from sessionwire.webhook.delivery import Delivery
from sessionwire.webhook.outbox import EventOutbox
from sessionwire.webhook.tokens import Sender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import HTTPConnection
    from starlette.routing import BaseRoute

    from sessionwire.auth.events import Events
    from sessionwire.auth.reading import Claim
    from sessionwire.exchange.backing import Backing
    from sessionwire.gateways.auth.held import HeldAnswers
    from sessionwire.gateways.live.routes import LiveGateway
    from sessionwire.gateways.operations.operations import Operations
    from sessionwire.observing.observation import Observation
    from sessionwire.observing.spans import ChangeSpans, RequestSpans
    from sessionwire.policy.hosts import Hosts
    from sessionwire.relay import Relay
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["embedded", "identify", "router_of", "served_hosts", "spans_of", "webhook_of"]

logger = logging.getLogger("sessionwire")

_CLIENT = (
    Path(__file__).parent / "gateways" / "pages" / "client",  # in an installed package
    Path(__file__).parents[2] / "client_js" / "src",  # in a checkout
)


def router_of(
    backing: Backing,
    *,
    relay: Relay,
    live: LiveGateway,
    observation: Observation,
    operations: Operations,
    held: HeldAnswers,
    asyncapi: Callable[[], dict[str, Any]],
    demo: bool,
) -> Router:
    """All that a server answers, and how it answers what it does not know."""
    settings = backing.settings
    access = Access(backing)
    polls = PollGateway(
        live=live,
        relay=relay,
        limits=settings.limits,
        origins=backing.origins,
        claim=backing.reading.claim,
    )
    inspector = Inspector(observation, access, sign_in=settings.pages)
    return Router(
        redirect_slashes=False,
        default=unknown,
        routes=[  # one after the other is looked at: what is asked most comes first
            *auth_routes(backing, more=error_page.ENDPOINTS, held=held),
            live.route(),
            polls.route(),
            *operations.routes(access.check),
            *(inspector.routes() if settings.inspector else []),
            *page_routes(
                demo=demo,
                client_directory=next(each for each in _CLIENT if each.is_dir()),
                backing=backing if settings.pages else None,
            ),
            *_documents(settings, asyncapi),
        ],
    )


def _documents(settings: Settings, asyncapi: Callable[[], dict[str, Any]]) -> list[BaseRoute]:
    """For who develops against this server (docs/decisions/0015)."""
    if settings.environment == "production":
        return []
    make = functools.partial(openapi, ENDPOINTS, version=__version__)
    return [*document_routes({"openapi": make, "asyncapi": asyncapi})]


def served_hosts(settings: Settings) -> Hosts:
    """Which `Host` headers are answered."""
    return hosts_of(
        settings.allowed_hosts,
        origins=settings.origins,
        base_url=settings.base_url,
        production=settings.environment == "production",
    )


def identify(backing: Backing, handshake: HTTPConnection) -> Claim:
    """Who a handshake speaks for, by the same cookie as over HTTP.

    Raises Forbidden for an Origin that may not connect.
    """
    headers = handshake.headers
    origin = headers.get("origin")
    cookie = speaks_for_somebody(joined(headers, "cookie"))
    verdict = judge_websocket(origin, backing.origins, cookie=cookie)
    if verdict is not Verdict.ALLOWED:
        raise Forbidden("This origin may not connect.", code=verdict.value)
    return backing.reading.claim(headers)


def spans_of(settings: Settings) -> tuple[RequestSpans, ChangeSpans] | None:
    """Who makes spans, if that is set. Raises StartupError."""
    if not settings.opentelemetry:
        return None
    try:
        from sessionwire.observing.exporting import provider_of
        from sessionwire.observing.spans import ChangeSpans, RequestSpans, tracer_of
    except ModuleNotFoundError as error:
        raise StartupError(
            f"SESSIONWIRE_OPENTELEMETRY is set, but there is no module {error.name}.",
            remedy="pip install 'sessionwire[otel]'",
        ) from None
    tracer = tracer_of(provider_of())
    requests = RequestSpans(tracer)
    return requests, ChangeSpans(tracer, write_of=requests.write_of)


@contextlib.asynccontextmanager
async def webhook_of(
    settings: Settings, *, store: Store, relay: Relay, events: Events
) -> AsyncIterator[Delivery | None]:
    """Keep and deliver security events while the block runs, if somebody wants them."""
    if settings.webhook_url is None or settings.webhook_secret is None:
        yield None
        return
    sender = Sender(
        issuer=settings.base_url,
        audience=settings.webhook_url,
        secret=settings.webhook_secret.get_secret_value(),
    )
    outbox = EventOutbox(store, clock=utc_now, until=relay.until)
    events.outbox = outbox
    try:
        delivery = Delivery(outbox, sender=sender, clock=utc_now)
        async with background(delivery.run()):
            yield delivery
    finally:
        events.outbox = None


@contextlib.asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[str]:
    """A mongod of its own while the block runs; yields its URI."""
    if settings.environment == "production":
        logger.warning("Production on the embedded MongoDB: one node, no authentication")
    async with EmbeddedMongo(settings.data_dir) as mongo:
        yield mongo.uri
