"""How uvicorn has to be set up to serve sessionwire well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn

from sessionwire.gateways.transport import LiveWebSocketProtocol

if TYPE_CHECKING:
    from sessionwire.settings import Settings

__all__ = ["BACKLOG", "uvicorn_config"]

BACKLOG = 2048
"""Handshakes that the kernel keeps for us while we are busy."""


def uvicorn_config(app: Any, settings: Settings, **options: Any) -> uvicorn.Config:
    """uvicorn's configuration for `app`, which is a SessionWire or has one mounted.

    Our own WebSocket protocol (prepared frames, cutting stalled peers), no deflate, small frames,
    pings that find dead peers within 40 seconds, and a stop that ends.
    """
    limits = settings.limits
    return uvicorn.Config(
        app,
        ws=LiveWebSocketProtocol,
        ws_max_size=limits.frame,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_graceful_shutdown=int(limits.shutdown),
        timeout_keep_alive=5,
        backlog=BACKLOG,
        server_header=False,
        access_log=False,
        log_config=None,
        **options,
    )
