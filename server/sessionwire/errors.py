"""Every error of sessionwire, each knowing its stable code, HTTP status and close code.

SessionwireError
├── PeerError              the other side asked for something that cannot be
│   ├── BadRequest         400
│   ├── Unauthorized       401
│   ├── Forbidden          403
│   ├── TooManyRequests    429; `retry_after` says when again
│   ├── Duplicate          a unique value is taken
│   └── ProtocolError      a frame of the live wire that docs/protocol.md does not allow
└── OurError               we, or what we stand on, failed
    ├── Unavailable        MongoDB cannot answer within the deadline
    ├── StartupError       the server refuses to start; `remedy` says what to do
    └── QueryError         a developer's query raised
"""

from __future__ import annotations

__all__ = [
    "BadRequest",
    "Duplicate",
    "Forbidden",
    "OurError",
    "PeerError",
    "ProtocolError",
    "QueryError",
    "SessionwireError",
    "StartupError",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
]


class SessionwireError(Exception):
    """The root of the tree; `code` is stable and may be shown to anybody."""

    code = "INTERNAL_SERVER_ERROR"
    status = 500
    close_code = 1011

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or type(self).code)
        self.message = message or type(self).code
        if code is not None:
            self.code = code


class PeerError(SessionwireError):
    """The other side's fault; `message` is safe to send back."""

    code = "BAD_REQUEST"
    status = 400
    close_code = 4400


class BadRequest(PeerError):
    pass


class Unauthorized(PeerError):
    code = "UNAUTHORIZED"
    status = 401
    close_code = 4401


class Forbidden(PeerError):
    code = "FORBIDDEN"
    status = 403
    close_code = 4403


class TooManyRequests(PeerError):
    """The same for every reason; `retry_after` are whole seconds."""

    code = "TOO_MANY_REQUESTS"
    status = 429

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("Too many requests. Please try again later.")
        self.retry_after = retry_after


class Duplicate(PeerError):
    """A unique index refused the write; `fields` names the index's fields."""

    code = "DUPLICATE"
    status = 409

    def __init__(self, message: str = "", *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class ProtocolError(PeerError):
    """A frame that docs/protocol.md does not allow; `frame_id` is the subscription it spoke of."""

    code = "invalid_frame"

    def __init__(
        self, message: str = "", *, code: str | None = None, frame_id: int | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.frame_id = frame_id


class OurError(SessionwireError):
    """Our fault, or that of what we stand on; the peer is told the code only."""


class Unavailable(OurError):
    code = "SERVICE_UNAVAILABLE"
    status = 503
    close_code = 1013


class QueryError(OurError):
    code = "query_failed"


class StartupError(OurError):
    """The server refuses to start; `remedy` is the exact thing to do about it."""

    code = "STARTUP_REFUSED"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}"
