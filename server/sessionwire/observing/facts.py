"""What those who watch are told, as JSON (docs/observing.md#shapes); pure.

Times within a trace are milliseconds since the process received the change.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sessionwire.reactive.tracer import Recomputed

__all__ = [
    "ChangeFacts",
    "ConnectionFacts",
    "DeliveryFacts",
    "DeliveryState",
    "Operation",
    "ProcessFacts",
    "Stop",
    "SubscriptionFacts",
    "TraceFacts",
    "ViewFacts",
]

Operation = Literal["insert", "replace", "update", "delete", "drop"]

DeliveryState = Literal[
    "offered",  # waits until the connection can take it
    "coalesced",  # a newer result took its place before it was sent
    "written",
    "acknowledged",  # the client says that it shows it
    "kept",  # of the connection's own session: it changed, and stands
    "ended",  # the connection ended first, or because of it
]

Stop = Literal[
    "unheld",  # nobody looks at any of these documents
    "unread",  # they are held, and no query of anybody reads them
    "idle",  # only results that nobody waits for
    "equal",  # every query gave the same value as before
    "loading",  # a query waits for documents to be read
    "waiting",  # a connection has not taken its result yet
    "told",  # everybody concerned was told, or is gone
    "resync",  # not a change: history was lost, everything was loaded anew
]
"""How far a change has come."""


class Facts(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    pass


class ChangeFacts(Facts, frozen=True, rename="camel", kw_only=True):
    collection: str
    operation: Operation
    id: str | None = None
    fields: list[str] = []
    hidden: int = 0
    """How many further fields changed that are not listed."""
    user: str | None = None
    organization: str | None = None


class ViewFacts(Facts, frozen=True, rename="camel", kw_only=True):
    """One query for one viewer, that read something that changed."""

    query: str
    user: str | None
    outcome: Recomputed | None
    at: float | None


class DeliveryFacts(Facts, frozen=True, rename="camel", kw_only=True):
    """What became of the change on one subscription; `id` -1 is the connection's own session."""

    connection: str
    id: int
    query: str
    user: str | None
    state: DeliveryState
    offered_at: float
    written_at: float | None = None
    acknowledged_at: float | None = None
    version: str | None = None
    """Of the frame that shows it, or whose result took its place."""
    reason: str | None = None
    """Why the connection ended; null: the peer left."""


class TraceFacts(Facts, frozen=True, rename="camel", kw_only=True):
    """Everything that became true at one version, and what became of it in this process."""

    version: str
    revision: int
    """Grows whenever anything of any trace changes."""
    wall: str | None
    """MongoDB's clock at the write."""
    received: str
    lag: float | None
    """Milliseconds from the write to the receipt, by the two clocks."""
    applied_at: float
    last_at: float
    """When the newest step was done."""
    stop: Stop
    changes: list[ChangeFacts]
    views: list[ViewFacts]
    deliveries: list[DeliveryFacts]
    view_counts: dict[str, int]
    """Of all views, those included that are too many to list."""
    delivery_counts: dict[str, int]


class SubscriptionFacts(Facts, frozen=True, rename="camel", kw_only=True):
    id: int
    query: str
    args: dict[str, object]
    state: Literal["pending", "current", "waiting", "loading"]
    """`waiting`: a newer result is not sent yet; `loading`: what it reads is being loaded anew."""
    changed_at: str | None


class ConnectionFacts(Facts, frozen=True, rename="camel", kw_only=True):
    id: str
    kind: Literal["socket", "poll"]
    user: str | None
    session: str | None
    opened: str
    address: str
    version: str
    """Of the newest frame that was written."""
    acknowledged: str | None
    waiting: int
    paused: bool
    """The peer does not read: what is newest waits."""
    behind: float
    """Milliseconds for which the oldest result has waited."""
    subscriptions: list[SubscriptionFacts]


class ProcessFacts(Facts, frozen=True, rename="camel", kw_only=True):
    """One server process."""

    id: str
    version: str
    software: str
    live: bool
    silent: float
    """Seconds since the change stream last said anything."""
    started: str
    connections: int
    watches: int
    documents: int
    counts: dict[str, int]
    latency: dict[str, list[list[float]]]
    """Name → upper bounds in seconds; how many were at most each, and one more for those beyond."""
