"""What those who run a server look at, put together: requests, numbers, health."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
from typing import TYPE_CHECKING

from starlette.routing import Mount, Route

from sessionwire.gateways.operations.metrics import Sources, registry_of
from sessionwire.gateways.operations.requests import Requests
from sessionwire.gateways.operations.routes import operations_routes
from sessionwire.gateways.operations.workers import Workers
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from sessionwire.gateways.operations.requests import Holding
    from sessionwire.observing.spans import RequestSpans
    from sessionwire.settings import Settings

__all__ = ["Operations"]

_PEERS = 1024
_BACKLOG_WITHIN = 1.0


class Operations:
    """One server's; `backlog` counts the events that wait for the webhook, if there is one."""

    def __init__(
        self,
        sources: Sources,
        settings: Settings,
        *,
        stopping: Callable[[], bool],
        backlog: Callable[[], Awaitable[int]] | None,
    ) -> None:
        self._sources = sources
        self._settings = settings
        self._stopping = stopping
        self._backlog = backlog
        self._workers = Workers(registry_of(sources), settings.metrics_dir)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen to the event loop, and answer the other workers, while the block runs."""
        async with self._workers.telling(), background(self._sources.pulse.run()):
            yield

    def routes(self, check: Callable[[Request], Awaitable[None]]) -> list[BaseRoute]:
        """`check` raises for who may not see the metrics."""
        return operations_routes(
            self._sources.relay, self._registry, stopping=self._stopping, check=check
        )

    def around(
        self,
        app: ASGIApp,
        routes: Iterable[BaseRoute],
        *,
        held: Holding,
        spans: RequestSpans | None,
    ) -> Requests:
        """The server that answers `routes`, with its requests counted."""
        requests = Requests(
            app,
            templates=_templates(routes),
            trusts=_trusting(self._settings.trusted_proxies),
            held=held,
            spans=spans,
        )
        self._sources.requests = requests
        return requests

    async def _registry(self) -> CollectorRegistry:
        """What to show now."""
        if self._backlog is not None:
            self._sources.backlog = None
            with contextlib.suppress(Exception):  # MongoDB is away: then this one is not shown
                async with asyncio.timeout(_BACKLOG_WITHIN):
                    self._sources.backlog = await self._backlog()
        return await self._workers.registry()


def _templates(routes: Iterable[BaseRoute]) -> Iterator[str]:
    for each in routes:
        if isinstance(each, Mount):
            for path in getattr(each.app, "paths", ()):
                yield each.path + path
        elif isinstance(each, Route):
            yield each.path


def _trusting(proxies: Sequence[str]) -> Callable[[str], bool]:
    """Whether an address is a trusted proxy's; remembered, as each of its requests asks."""
    networks = [ipaddress.ip_network(each) for each in proxies]

    @functools.lru_cache(maxsize=_PEERS)
    def trusts(address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in network for network in networks)

    return trusts
