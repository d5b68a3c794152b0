"""The schemas of the AsyncAPI document, to hold real frames to."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator

from sessionwire.gateways.live.asyncapi import asyncapi
from sessionwire.reactive.builtin import make_queries

__all__ = ["DOCUMENT", "faults_of", "message_faults", "query_faults"]

DOCUMENT = asyncapi(make_queries(active_organization="user"), version="0")


def faults_of(value: Any, reference: str, *, document: dict[str, Any] = DOCUMENT) -> list[str]:
    """What the schema at this reference says against the value: nothing."""
    schema = {"$ref": reference, "components": document["components"]}
    found = Draft7Validator(schema).iter_errors(value)
    return [f"{each.json_path}: {each.message}" for each in found]


def message_faults(frame: Any) -> list[str]:
    """What the schema of its message says against the frame; its op names the message."""
    messages = DOCUMENT["components"]["messages"]
    if not isinstance(frame, dict) or frame.get("op") not in messages:
        return ["no message has this op"]
    return faults_of(frame, messages[frame["op"]]["payload"]["$ref"])


def query_faults(query: str, kind: str, value: Any) -> list[str]:
    """What the schema of the query's `args` or `data` says against the value."""
    return faults_of(value, DOCUMENT["x-queries"][query][kind]["$ref"])
