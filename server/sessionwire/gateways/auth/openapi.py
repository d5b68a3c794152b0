"""The contract as an OpenAPI 3.1 document, made from the endpoints themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sessionwire.exchange.schema import describe
from sessionwire.gateways.auth.answers import ANSWERS, COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionwire.exchange.call import Endpoint
    from sessionwire.exchange.schema import Schema

__all__ = ["openapi"]

_NAMES = re.compile(r"\{([a-z]+)\}")
_REASONS = {
    302: "A redirect.",
    304: "Nothing changed since `If-None-Match`.",
    400: "The request is wrong; `code` says how.",
    401: "Nobody is signed in, or the credentials are wrong.",
    403: "Not allowed, or sent by a page of another origin.",
    404: "There is no such thing, or it is turned off.",
    405: "Not offered.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The address is taken.",
    429: "Asked too often; `Retry-After` says when again.",
    500: "Our fault; `X-Request-Id` names the line in the log.",
    502: "The provider answered nonsense.",
    503: "The database does not answer.",
}
_EMPTY = (302, 304)


def openapi(endpoints: Iterable[Endpoint], *, version: str) -> dict[str, Any]:
    """The document. Raises KeyError for an endpoint that nobody described."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sessionwire",
            "version": version,
            "description": "Sign-in, sessions and organizations, in better-auth's HTTP contract.",
        },
        "servers": [{"url": "/api/auth"}],
        "paths": paths,
        "components": {
            "schemas": dict(COMPONENTS),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "sessionwire.session_token",
                    "description": "Under https its name begins with `__Host-`.",
                },
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


_READ = "/get-session"
_PIN = {
    "name": "Sessionwire-Organization",
    "in": "header",
    "required": False,
    "description": "The organization that the request is about, in place of the active one.",
    "schema": {"type": "string"},
}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    answer = ANSWERS[endpoint.method, endpoint.path]
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": answer.summary,
        "tags": [_tag(endpoint.path)],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        operation["requestBody"] = _request_body(endpoint, endpoint.body)
    if endpoint.session:
        operation["security"] = [{"session": []}, {"bearer": []}]
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z]+", endpoint.path)
    return endpoint.method.lower() + "".join(each.capitalize() for each in words)


def _tag(path: str) -> str:
    return "organizations" if path.startswith("/organization/") else "sessions"


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAMES.findall(endpoint.path)
    ]
    queried = [
        {
            "name": each.name,
            "in": "query",
            "required": each.required,
            "schema": dict(describe(each)),
        }
        for each in endpoint.query.fields
    ]
    return [*named, *queried, *([_PIN] if endpoint.session or endpoint.path == _READ else [])]


def _request_body(endpoint: Endpoint, schema: Schema) -> dict[str, Any]:
    shape = {
        "type": "object",
        "properties": {each.name: dict(describe(each)) for each in schema.fields},
        "required": [each.name for each in schema.fields if each.required],
    }
    kinds = ["application/json"]
    if endpoint.form:
        kinds.append("application/x-www-form-urlencoded")
    return {"required": True, "content": {kind: {"schema": shape} for kind in kinds}}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    answer = ANSWERS[endpoint.method, endpoint.path]
    statuses = {400, 429, 500, 503, *answer.also}
    if endpoint.method == "POST":
        statuses |= {403, 408, 413, 415}
    if endpoint.session:
        statuses |= {401, 403}
    responses = {str(status): _refusal(status) for status in sorted(statuses)}
    if answer.shape is not None:
        responses[str(answer.status)] = {
            "description": "Done.",
            "headers": _headers(),
            "content": {"application/json": {"schema": dict(answer.shape)}},
        }
    elif endpoint.path == "/error":
        responses["200"] = {"description": "The page.", "content": {"text/html": {}}}
    return responses


def _refusal(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _REASONS[status]}
    if status not in _EMPTY:
        schema = {"$ref": "#/components/schemas/Refusal"}
        described["content"] = {"application/json": {"schema": schema}}
    return described


def _headers() -> Mapping[str, Any]:
    return {
        "Sessionwire-Version": {
            "description": "The version at which this is, or was written.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        }
    }
