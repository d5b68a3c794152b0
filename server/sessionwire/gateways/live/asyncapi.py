"""The live wire as an AsyncAPI 3.0 document, made from the frames and the queries themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.gateways.live import server_frames
from sessionwire.gateways.live.frames import CLIENT_FRAMES, Poll
from sessionwire.gateways.live.vocabulary import (
    CLOSE_CODES,
    ENDINGS,
    FRAME_ERRORS,
    RESULT_ERRORS,
)
from sessionwire.model import ObjectId
from sessionwire.reactive.extras import NO_EXTRAS
from sessionwire.reactive.shapes import Session, User
from sessionwire.reactive.typescript import returned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionwire.reactive.extras import Extras
    from sessionwire.reactive.view import Query

__all__ = ["asyncapi"]

_SCHEMAS = "#/components/schemas/"
_FRAME = "frame."
"""Before the names of ours: an application may call a structure of its own `Update`, too."""
_RESULTS = (server_frames.Shown, server_frames.Unchanged, server_frames.Failed)
_POLL_REPLIES = {"update": [200], "nothing": [204], "bye": [401, 503], "status": [503]}
_POLL_REFUSALS = [400, 403, 408, 413, 415, 429, 503]
_SECURITY = {
    "session": {
        "type": "httpApiKey",
        "in": "cookie",
        "name": "sessionwire.session_token",
        "description": "Under https its name begins with `__Host-`. It needs an `Origin`.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The value of the session cookie.",
    },
}


def asyncapi(
    queries: Iterable[Query], *, version: str, extras: Extras = NO_EXTRAS
) -> dict[str, Any]:
    """The document; `x-queries` says what each query takes and shows.

    A query whose annotations cannot be described shows anything.
    """
    named = [each for each in queries if not each.name.startswith("$")]
    messages = {**_client_messages(), **_server_messages(), **_poll_messages()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "sessionwire, the live wire",
            "version": version,
            "description": "Who is signed in, and in which organization, pushed as it changes.",
        },
        "defaultContentType": "application/json",
        "channels": {"live": _live(), "poll": _poll()},
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": _schemas(named, extras),
            "securitySchemes": _SECURITY,
        },
        "x-queries": {
            each.name: {kind: _ref(_key(each, kind)) for kind in ("args", "data")} for each in named
        },
        "x-result-errors": dict(RESULT_ERRORS),
        "x-frame-errors": dict(FRAME_ERRORS),
    }


def _live() -> dict[str, Any]:
    endings = [
        {"reason": reason, "code": each.code, "retry": each.retry, "description": each.meaning}
        for reason, each in ENDINGS.items()
    ]
    protocol = {"type": "string", "enum": ["sessionwire.v1"]}
    return {
        "address": "/live",
        "title": "The WebSocket",
        "messages": _refs_by_name("#/components/messages/", [*CLIENT_FRAMES, *_SERVER]),
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {"type": "object", "properties": {"Sec-WebSocket-Protocol": protocol}},
                "bindingVersion": "0.1.0",
            }
        },
        "x-endings": endings,
        "x-close-codes": {str(code): meaning for code, meaning in CLOSE_CODES.items()},
    }


def _poll() -> dict[str, Any]:
    return {
        "address": "/live/poll",
        "title": "Long polling, where WebSockets are blocked",
        "messages": _refs_by_name("#/components/messages/", ["poll", *_POLL_REPLIES, "refusal"]),
        "x-statuses": {**_POLL_REPLIES, "refusal": _POLL_REFUSALS},
    }


def _operations() -> dict[str, Any]:
    security = [{"$ref": f"#/components/securitySchemes/{each}"} for each in _SECURITY]
    return {
        "receiveFrames": {
            "action": "receive",
            "summary": "What a client may say.",
            "channel": {"$ref": "#/channels/live"},
            "messages": _refs("#/channels/live/messages/", CLIENT_FRAMES),
            "security": security,
        },
        "sendFrames": {
            "action": "send",
            "summary": "What the server says.",
            "channel": {"$ref": "#/channels/live"},
            "messages": _refs("#/channels/live/messages/", _SERVER),
        },
        "receivePolls": {
            "action": "receive",
            "summary": "A connection that lasts for one answer.",
            "channel": {"$ref": "#/channels/poll"},
            "messages": _refs("#/channels/poll/messages/", ["poll"]),
            "reply": {
                "channel": {"$ref": "#/channels/poll"},
                "messages": _refs("#/channels/poll/messages/", [*_POLL_REPLIES, "refusal"]),
            },
            "security": security,
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        },
    }


_SERVER: dict[str, type[msgspec.Struct]] = {
    str(each.__struct_config__.tag): each for each in server_frames.SERVER_FRAMES
}


def _client_messages() -> dict[str, Any]:
    return {op: _message(op, kind) for op, kind in CLIENT_FRAMES.items()}


def _server_messages() -> dict[str, Any]:
    return {op: _message(op, kind) for op, kind in _SERVER.items()}


def _poll_messages() -> dict[str, Any]:
    return {
        "poll": _message("poll", Poll),
        "nothing": {"name": "nothing", "summary": "Nothing differs, and the wait is over."},
        "refusal": {"name": "refusal", "payload": _ref(_FRAME + "Refusal")},
    }


def _message(name: str, kind: type) -> dict[str, Any]:
    message = {"name": name, "payload": _ref(_FRAME + kind.__name__)}
    summary = msgspec.json.schema_components([kind])[1][kind.__name__].get("description")
    return message if summary is None else {**message, "summary": summary}


def _schemas(queries: Iterable[Query], extras: Extras) -> dict[str, Any]:
    kinds = [*CLIENT_FRAMES.values(), *_SERVER.values(), *_RESULTS, Poll]
    _, schemas = _written(kinds, before=_FRAME)
    for op, kind in CLIENT_FRAMES.items():
        schema = schemas[_FRAME + kind.__name__]
        schema["properties"] = {"op": {"enum": [op]}, **schema["properties"]}
        schema["required"] = ["op", *schema["required"]]
    results = schemas[_FRAME + "Update"]["properties"]["results"]
    results["items"] = {"oneOf": [_ref(_FRAME + each.__name__) for each in _RESULTS]}
    schemas[_FRAME + "Bye"]["properties"]["reason"]["enum"] = list(ENDINGS)
    schemas[_FRAME + "Refused"]["properties"]["code"]["enum"] = list(FRAME_ERRORS)
    texts = {"code": {"type": "string"}, "message": {"type": "string"}}
    refusal = {"type": "object", "properties": texts, "required": list(texts)}
    schemas[_FRAME + "Refusal"] = refusal
    return {**schemas, **_queries(queries, extras)}


def _queries(queries: Iterable[Query], extras: Extras) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for query in queries:
        described[_key(query, "args")] = _args(query)
        described[_key(query, "data")] = {}
    shown = [each for each in queries if _describes(returned(each.function))]
    written, components = _written([*(returned(each.function) for each in shown), User, Session])
    for query, schema in zip(shown, written[:-2], strict=True):
        described[_key(query, "data")] = schema
    for schema, extended in zip(written[-2:], (extras.user, extras.session), strict=True):
        [components[schema["$ref"].removeprefix(_SCHEMAS)]] = _written([extended])[1].values()
    return {**components, **described}


def _args(query: Query) -> dict[str, Any]:
    types = {name: kind if _describes(kind) else Any for name, kind in query.args.items()}
    written, _ = _written(list(types.values()))
    return {
        "type": "object",
        "properties": dict(zip(types, written, strict=True)),
        "required": sorted(query.required),
        "additionalProperties": False,
    }


def _written(kinds: list[Any], *, before: str = "") -> tuple[list[Any], dict[str, Any]]:
    """The schema of each, and the components that these speak of, with this before their names."""
    schemas, components = msgspec.json.schema_components(
        kinds, ref_template=f"{_SCHEMAS}{before}{{name}}", schema_hook=_hook
    )
    named = {before + name: _plain(each) for name, each in components.items()}
    return [_plain(each) for each in schemas], named


def _describes(kind: Any) -> bool:
    try:
        msgspec.json.schema_components([kind], schema_hook=_hook)
    except (TypeError, NameError, NotImplementedError, AttributeError):
        return False
    return True


def _hook(kind: type) -> dict[str, Any]:
    return {"type": "string"} if kind is ObjectId else {}


def _plain(schema: Any) -> Any:
    """In the words of AsyncAPI, whose schemas are of JSON Schema's draft 7."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _plain(each) for name, each in schema.items() if name != "discriminator"}
    if "prefixItems" in kept:
        kept["items"] = kept.pop("prefixItems")
    return kept


def _key(query: Query, kind: str) -> str:
    return f"query.{re.sub(r'[^A-Za-z0-9_.-]', '_', query.name)}.{kind}"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


def _refs(where: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": where + each} for each in names]


def _refs_by_name(where: str, names: Iterable[str]) -> Mapping[str, dict[str, str]]:
    return {each: {"$ref": where + each} for each in names}
