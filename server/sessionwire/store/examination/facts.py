"""What was seen of a MongoDB: values only, nothing judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Access",
    "Clock",
    "Commits",
    "Concerns",
    "Contents",
    "Faults",
    "Index",
    "Indexes",
    "Members",
    "Node",
    "Oplog",
    "Reach",
    "Release",
    "SessionSeen",
    "UriOptions",
]

Faults = Literal["dns", "refused", "timeout", "certificate", "tls", "tls-required", "other"]


@dataclass(frozen=True, slots=True)
class Node:
    """One server that the URI names: `fault` is why it did not answer, else what it said."""

    address: str
    fault: Faults | None = None
    said: str = ""
    kind: Literal["standalone", "uninitiated", "member", "mongos"] | None = None
    set_name: str | None = None
    primary: str | None = None
    """The primary that it knows of."""
    max_wire: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the URI led. `uri_fault` is what is wrong with its text."""

    shown: str
    """The URI without its password."""
    nodes: tuple[Node, ...] = ()
    uri_fault: str | None = None
    wanted_set: str | None = None
    auth_fault: str | None = None
    """What MongoDB answered to the credentials, or to their absence."""
    selection_fault: str | None = None
    """Why the driver found no primary although servers answered."""
    round_trip_ms: float | None = None
    """Of an authenticated command to the primary; None when there was none."""


@dataclass(frozen=True, slots=True)
class Release:
    version: tuple[int, ...]
    feature: str | None
    """The feature compatibility version; None when it may not be read."""
    compressors: tuple[str, ...]
    """Which of snappy, zstd and zlib it agrees to."""


@dataclass(frozen=True, slots=True)
class Clock:
    """MongoDB's clock minus ours, in seconds; the truth is within `uncertainty` of it."""

    offset: float
    uncertainty: float
    cluster_ahead: float
    """How far its newest operation time lies beyond our clock; whole seconds only."""


@dataclass(frozen=True, slots=True)
class Members:
    """A replica set, as the member says that we work with."""

    set_name: str
    data: tuple[str, ...]
    arbiters: tuple[str, ...]
    primary: str | None
    silent: tuple[str, ...]
    """Those with data that did not answer us."""
    majority_lag: float = 0.0
    """Seconds by which what the majority has lies behind the newest write."""


@dataclass(frozen=True, slots=True)
class Oplog:
    first: datetime
    last: datetime
    now: datetime
    used: int | None
    """Bytes; None when they may not be read."""
    limit: int | None


@dataclass(frozen=True, slots=True)
class Commits:
    """How long a `w: 1` write takes until the majority has it, which is when its event comes.

    `waits_ms` were measured; `probed` says whether on writes of our own.
    """

    interval_ms: int | None
    waits_ms: tuple[float, ...]
    probed: bool
    fault: str | None = None
    """Why the probe could not write, or its event did not come."""


@dataclass(frozen=True, slots=True)
class Concerns:
    """The cluster's defaults; None where they may not be read."""

    write: str | None
    read: str | None


@dataclass(frozen=True, slots=True)
class UriOptions:
    """What the URI asks for that matters."""

    retry_writes: bool = True
    direct: bool = False
    invalid_certificates: bool = False
    tls: bool = False
    credentials: bool = False
    write: str | None = None
    read: str | None = None
    read_preference: str | None = None
    compressors: tuple[str, ...] = ()
    loopback: bool = True
    """Whether every server is on this machine."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the user may do. `missing` names (action, resource) pairs that serving needs."""

    user: str | None
    """None: MongoDB asks nobody who they are."""
    roles: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]
    """(what was tried, what MongoDB said): reads that serving makes."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index that serving needs, and what is there in its place.

    `state`: there, absent (the collection too is not there, or empty), missing, weaker (it does not
    keep unique what must be), different (its expiry differs), other (under other options, usable).
    """

    collection: str
    field: str
    name: str
    unique: bool
    expires: int | None
    state: Literal["there", "absent", "missing", "weaker", "different", "other"]
    found: str = ""
    """The name of the index that is there instead."""
    found_expires: int | None = None
    duplicates: int = 0
    """Values that several documents share, where the index is to be unique; one is enough."""


@dataclass(frozen=True, slots=True)
class Indexes:
    seen: tuple[Index, ...]
    ttl_off: bool = False
    """Whether the TTL monitor is switched off."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Counts over at most `sample` documents of each collection; None where not counted."""

    sample: int
    users: int | None = None
    sessions: int | None = None
    largest_user: int = 0
    """Bytes."""
    same_email: int | None = None
    """Addresses that several users have, but for their case."""
    example_email_user: str = ""
    members_without_organization: int | None = None
    users_without_active: int | None = None
    not_onboarded: int | None = None
    several_workspaces: int | None = None
    endless_sessions: int | None = None
    orphan_sessions: int | None = None
    cut_short: tuple[str, ...] = ()
    """Counts that took too long, or were refused."""


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """What the database says of one credential, by its own documents."""

    sessions_in_all: int
    session: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    ended: str | None = None
    """Why it ended, if that was written down."""
    ended_at: datetime | None = None
    user: bool = False
    user_id: str = ""
    banned: bool = False
    onboarded: bool = False
    user_age: float | None = None
    """Seconds since the user was made."""
    memberships: tuple[str, ...] = ()
    """Ids of organizations."""
    active: str | None = None
    existing: frozenset[str] = field(default_factory=frozenset)
    """Which of those organizations exist."""
