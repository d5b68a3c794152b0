"""Which request, and which connection, the running code serves: log lines and answers name them.

Not where anything is decided: whoever asks outside of both gets an empty name.
"""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["CONNECTION", "REQUEST"]

REQUEST: ContextVar[str] = ContextVar("sessionwire.request", default="")
"""The id of the HTTP request or of the handshake; its answer says it as `X-Request-Id`."""

CONNECTION: ContextVar[str] = ContextVar("sessionwire.connection", default="")
"""The id of the live connection, as the inspector shows it."""
