"""Answers of the application's own endpoints that are as well kept as those of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from sessionwire.auth.api import secure
from sessionwire.policy.headers import api_headers
from sessionwire.reactive.view import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["secure_error_json", "secure_user_json"]

_encoder = msgspec.json.Encoder()


def secure_user_json(
    value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The value as JSON that no cache keeps and no other site reads.

    It is what a live query may return: sessions, users, structs and dataclasses, documents of
    MongoDB; ids become texts, dates ISO 8601. `headers` are added, but replace none of the API's.
    """
    given = {name.lower(): text for name, text in (headers or {}).items()}
    sent = {**given, **api_headers(secure=secure()), "content-type": "application/json"}
    return Response(_encoder.encode(plain(value)), status, sent)


def secure_error_json(
    code: str,
    message: str | None = None,
    status: int = 400,
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`{"message": …, "code": …}`, as the API words its errors; without a message, the code."""
    body = {"message": code if message is None else message, "code": code}
    return secure_user_json(body, status, headers=headers)
