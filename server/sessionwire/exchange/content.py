"""Bodies and queries as values: bounded, of an allowed type, and well-formed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from sessionwire.errors import BadRequest, PeerError
from sessionwire.exchange.schema import UNDEFINED, Undefined

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["check_type", "parse_body", "parse_query", "read_body"]

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_FIELDS = 64


class PayloadTooLarge(PeerError):
    code = "PAYLOAD_TOO_LARGE"
    status = 413


class RequestTimeout(PeerError):
    code = "REQUEST_TIMEOUT"
    status = 408


class UnsupportedMediaType(PeerError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


async def read_body(request: Request, *, limit: int, deadline: float = 10.0) -> bytes:
    """The whole body. Raises PayloadTooLarge as soon as it is known, and RequestTimeout."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise PayloadTooLarge("The body is too large.")
    body = bytearray()
    try:
        async with asyncio.timeout(deadline):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise PayloadTooLarge("The body is too large.")
    except TimeoutError:
        raise RequestTimeout("The body did not arrive in time.") from None
    return bytes(body)


def parse_body(request: Request, body: bytes, *, form: bool) -> Any | Undefined:
    """The body's value, UNDEFINED without one; `form` when an HTML form may send it.

    Raises UnsupportedMediaType, and BadRequest for what is not JSON.
    """
    if request.headers.get("content-type") is None and not body:
        return UNDEFINED
    kind = check_type(request, form=form)
    if not body:
        return UNDEFINED
    return _parse_form(body) if kind == _FORM else _parse_json(body)


def check_type(request: Request, *, form: bool) -> str:
    """The kind of the body, which is JSON or, if allowed, a form. Raises UnsupportedMediaType."""
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    allowed = [_FORM, _JSON] if form else [_JSON]
    if kind not in allowed or request.headers.get("content-encoding", "identity") != "identity":
        said = (
            f'Content-Type "{kind[:64]}" is not allowed.' if kind else "Content-Type is required."
        )
        raise UnsupportedMediaType(f"{said} Allowed types: {', '.join(allowed)}")
    return kind


def _parse_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadRequest("Invalid JSON in request body") from None


def _parse_form(body: bytes) -> dict[str, Any]:
    try:
        return _merge(body.decode("ascii"))
    except ValueError:
        raise BadRequest("Invalid form in request body") from None


def parse_query(request: Request) -> dict[str, Any]:
    """The query's values by name; one given several times is a list. Raises BadRequest."""
    try:
        return _merge(request.scope["query_string"].decode("ascii"))
    except ValueError:
        raise BadRequest("Invalid query string") from None


def _merge(text: str) -> dict[str, Any]:
    """Raises ValueError for too many fields, or for what is not UTF-8."""
    pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    merged: dict[str, Any] = {}
    for name, value in pairs:
        if name not in merged:
            merged[name] = value
        elif isinstance(merged[name], list):
            merged[name].append(value)
        else:
            merged[name] = [merged[name], value]
    return merged
