"""How much of anything a peer, a user or a process may take, and how long anything may last."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Limits"]


class Limits(BaseModel):
    """All bounds in one place; sizes in bytes, times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int = Field(default=16 * 1024, ge=1024, le=64 * 1024)
    """The largest frame a client may send."""
    subscriptions: int = Field(default=64, ge=1)
    """Subscriptions of one connection."""
    frames_per_second: float = Field(default=50.0, gt=0)
    frames_burst: int = Field(default=200, ge=1)
    refused_frames: int = Field(default=20, ge=1)
    """Refused frames after which a connection ends."""
    connections_per_user: int = Field(default=64, ge=1)
    connections_per_address: int = Field(default=1_000, ge=1)
    connections: int = Field(default=50_000, ge=1)
    unsent: int = Field(default=64 * 1024, ge=4096)
    """Unsent bytes of a connection beyond which its newest results wait."""
    write_deadline: float = Field(default=20.0, gt=0)
    """How long unsent bytes may stand before the connection is cut."""
    heartbeat: int = Field(default=25, ge=1)
    version_wait: float = Field(default=10.0, gt=0)
    """How long a read waits for a version that the peer has seen elsewhere."""
    read_deadline: float = Field(default=5.0, gt=0)
    """How long an HTTP read or write waits for the database before it answers 503."""
    max_staleness: float = Field(default=3.0, gt=0)
    """Silence of the change stream after which the process calls itself stale."""
    unverifiable_after: float = Field(default=30.0, gt=0)
    """Staleness after which signed-in connections are ended (P6: fail closed)."""
    idle_documents: int = Field(default=20_000, ge=0)
    """Documents kept in memory although nobody watches them."""
    idle_watches: int = Field(default=4_096, ge=0)
    """Results kept in memory although nobody is subscribed to them."""
    body: int = Field(default=64 * 1024, ge=1024)
    """The largest HTTP body."""
    body_deadline: float = Field(default=10.0, gt=0)
    """How long a body may take to arrive."""
    url: int = Field(default=8 * 1024, ge=1024)
    head: int = Field(default=32 * 1024, ge=4096)
    """All headers of a request together."""
    header_fields: int = Field(default=100, ge=20)
    head_deadline: float = Field(default=10.0, gt=0)
    """How long the head of a request, or a handshake, may take."""
    addresses: int = Field(default=10_000, ge=1)
    """Callers that a process counts the requests of at once."""
    drain: float = Field(default=0.0, ge=0)
    """How long a server that is told to stop goes on serving who is there, and is not ready: what
    a load balancer needs to notice."""
    shutdown: float = Field(default=10.0, gt=0)
    """How long a graceful stop may take."""
