"""How uvicorn has to be set up to serve sessionwire well."""

from __future__ import annotations

import gc
import ipaddress
from typing import TYPE_CHECKING, Any

from sessionwire.app import SessionWire
from sessionwire.gateways.http_transport import BoundedConfig, BoundedHTTPProtocol
from sessionwire.gateways.transport import LiveWebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.settings import Settings

__all__ = ["BACKLOG", "spare_the_heap", "uvicorn_config"]

BACKLOG = 2048
"""Handshakes that the kernel keeps for us while we are busy."""

_ALLOCATIONS = 20_000
"""More containers than one batch of change events makes: these die young, without a cycle."""
_MIDDLE, _ALL = 0, 50
"""Every second time what the first time left is looked at again, and then taken to live long. By
tens, as Python has it, a crowd of newcomers is looked at as a whole: 120 ms in which nobody is
answered, for nothing, as there is no cycle in it."""


def spare_the_heap() -> None:
    """Have the collector of cycles leave alone what lives as long as the process.

    It runs when the heap has grown, not for every few events that come and go: that was half of
    what a change cost (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, _MIDDLE, _ALL)


def uvicorn_config(app: Any, settings: Settings, **options: Any) -> BoundedConfig:
    """uvicorn's configuration for `app`, which is a SessionWire or has one mounted.

    Our own WebSocket protocol (prepared frames, cutting stalled peers), no deflate, small frames,
    pings that find dead peers within 40 seconds, bounds for the head of a request, and a stop that
    ends. `X-Forwarded-For` and `-Proto` are believed from `trusted_proxies` only.
    """
    limits = settings.limits
    config = BoundedConfig(
        app,
        http=BoundedHTTPProtocol,
        ws=LiveWebSocketProtocol,
        ws_max_size=limits.frame,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_graceful_shutdown=int(limits.shutdown),
        timeout_keep_alive=5,
        backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(_both_spellings(settings.trusted_proxies)),
        server_header=False,
        access_log=False,
        log_config=None,
        **options,
    )
    config.limits = limits
    if isinstance(app, SessionWire):
        config.answer_again = app.answer_again
    config.unbelieved = settings.environment == "production" and not settings.trusted_proxies
    return config


def _both_spellings(proxies: Iterable[str]) -> Iterable[str]:
    """On a socket for both, an IPv4 peer is `::ffff:…`."""
    for each in proxies:
        network = ipaddress.ip_network(each)
        yield each
        if isinstance(network, ipaddress.IPv4Network):
            yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
