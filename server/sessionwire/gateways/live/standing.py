"""Whether the session in whose name a connection is answered still stands; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.gateways.live.vocabulary import ENDINGS
from sessionwire.reactive.view import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.reactive.hub import Hub
    from sessionwire.reactive.identity import Identity
    from sessionwire.reactive.outbox import Outbox

__all__ = ["Standing", "may_return"]

_RECHECK = 60.0
"""Seconds after which an expiry is looked at again, in case the wall clock was set."""

_RETRY = frozenset(reason for reason, each in ENDINGS.items() if each.retry)


def may_return(reason: str) -> bool:
    """Whether it is a reason that passes: then the client may come back with this credential."""
    return reason in _RETRY


class Standing:
    """The standing of one attached outbox, judged anew each time: it keeps nothing."""

    __slots__ = ("_hub", "_outbox")

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self._hub = hub
        self._outbox = outbox

    def end_reason(self, wall: datetime) -> str | None:
        """Why the connection may not go on, judged before anything else is sent (P6, P8)."""
        if self._outbox.viewer.credential is None:
            return None
        if not self._hub.verifiable:
            return "unverifiable"
        identity = self._identity()
        if identity is None:
            return None
        if identity.ended is not None:
            return identity.ended
        expired = identity.expires_at is not None and identity.expires_at <= wall
        return "expired" if expired else None

    def recheck_in(self, wall: datetime) -> float | None:
        """Seconds after which to ask again even if nothing changes; None for never."""
        identity = self._identity()
        if identity is None or identity.expires_at is None:
            return None
        return min((identity.expires_at - wall).total_seconds(), _RECHECK)

    def _identity(self) -> Identity | None:
        """What is known of the session, or None while it is being loaded anew."""
        subscription = self._outbox.identity
        if subscription is None or not subscription.watch.resolved:
            return None
        result = subscription.watch.result
        if result is None or not isinstance(result.outcome, Answer):
            return None
        identity: Identity | None = result.outcome.value
        return identity
