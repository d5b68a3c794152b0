"""Traces as a server would tell them, to be printed."""

from __future__ import annotations

from typing import Any

from sessionwire.observing.facts import ChangeFacts, DeliveryFacts, TraceFacts, ViewFacts

__all__ = ["change", "delivery", "trace", "view"]


def change(**fields: Any) -> ChangeFacts:
    given = {"collection": "user", "operation": "update", "id": "a11ce0000000000000000001"}
    return ChangeFacts(
        **{**given, "fields": ["name"], "user": "a11ce0000000000000000001", **fields}
    )


def view(query: str, **fields: Any) -> ViewFacts:
    return ViewFacts(**{"query": query, "user": "u", "outcome": "changed", "at": 0.2, **fields})


def delivery(connection: str, state: str, **fields: Any) -> DeliveryFacts:
    given = {"id": 1, "query": "session", "user": "u", "offered_at": 0.3}
    return DeliveryFacts(**{"connection": connection, "state": state, **given, **fields})


def trace(number: int = 1, **fields: Any) -> TraceFacts:
    """Of the version `number`; told to nobody, because nobody looks."""
    given: dict[str, Any] = {
        "version": f"{number:016x}",
        "revision": number,
        "wall": "2026-11-28T10:40:27.018Z",
        "received": "2026-11-28T10:40:27.021Z",
        "lag": 3.0,
        "applied_at": 0.1,
        "last_at": 0.1,
        "stop": "unheld",
        "changes": [change()],
        "views": [],
        "deliveries": [],
        "view_counts": {},
        "delivery_counts": {},
    }
    return TraceFacts(**{**given, **fields})
