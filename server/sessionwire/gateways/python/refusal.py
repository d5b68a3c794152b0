"""The exception by which a helper answers in place of the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sessionwire.auth.api import secure
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.errors import SessionwireError

__all__ = ["Refusal"]


class _Detail(dict[str, str]):
    """FastAPI writes it as JSON under `detail`; Starlette takes it for a text, and encodes it."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return msgspec.json.encode(dict(self))


class Refusal(HTTPException):
    """An answer with `code` and `message`, raised; Starlette and FastAPI know what to do with it.

    Starlette answers `{"message": …, "code": …}`, FastAPI the same under its `detail`; both with
    the headers of the API, and also as the answer to a handshake. `response()` is the first of
    them, for an exception handler of the application's own.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.message = message
        sent = {**api_headers(secure=secure()), **(headers or {})}
        detail: dict[str, str] | str = ""
        if "location" not in sent:
            detail = _Detail(message=message, code=code)
            sent["content-type"] = "application/json"
        super().__init__(status, cast("str", detail), sent)

    @classmethod
    def of(cls, error: SessionwireError, *, headers: Mapping[str, str] | None = None) -> Refusal:
        return cls(error.status, error.code, error.message, headers=headers)

    @classmethod
    def redirect(cls, target: str) -> Refusal:
        """To a target that is known to be safe; the browser asks for it with GET."""
        return cls(303, "SEE_OTHER", "", headers={"location": target})

    def response(self) -> Response:
        content = self.detail.encode() if self.detail else None
        return Response(content, self.status_code, dict(self.headers or {}))
