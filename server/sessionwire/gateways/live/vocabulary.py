"""The words of the live wire: why connections end, frames are refused and results fail; pure.

One definition for the server, for the AsyncAPI document and for docs/protocol.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLOSE_CODES", "ENDINGS", "FRAME_ERRORS", "RESULT_ERRORS", "Ending"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection is closed for a reason, and whether its client may come back."""

    code: int
    retry: bool
    meaning: str


ENDINGS: Final[Mapping[str, Ending]] = MappingProxyType(
    {
        "signed_out": Ending(4401, False, "This session signed out."),
        "revoked": Ending(
            4401, False, "Another device, an administrator or a program ended the session."
        ),
        "expired": Ending(4401, False, "The session's lifetime is over."),
        "password_changed": Ending(4401, False, "The password was changed or reset elsewhere."),
        "banned": Ending(4401, False, "The user is banned."),
        "deleted": Ending(4401, False, "The user no longer exists."),
        "protocol_error": Ending(4400, False, "Too many refused frames."),
        "unverifiable": Ending(
            4503,
            True,
            "The database could not be reached for so long that the session can no longer be "
            "vouched for.",
        ),
        "slow": Ending(4408, True, "The peer did not read for too long."),
        "shutdown": Ending(1012, True, "The server restarts."),
    }
)
"""By the reason that `bye` gives."""

CLOSE_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1002: "A violation of RFC 6455.",
        1003: "A binary frame.",
        1007: "A text that is not UTF-8.",
        1009: "A frame larger than the limit.",
        1011: "No answer to a WebSocket ping.",
    }
)
"""Those without `bye`."""

FRAME_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invalid_json": "Not a JSON text.",
        "invalid_frame": "Not an object, or a field is missing, unknown or of the wrong type.",
        "unknown_op": "There is no such op.",
        "unknown_query": "No query of this name.",
        "invalid_args": "The query does not take these args.",
        "duplicate_id": "The id is in use.",
        "too_many_subscriptions": "The limit stands in `hello`.",
        "unexpected_ack": "No `ack` was asked for.",
        "rate_limited": "Too many frames; this one was dropped.",
    }
)

RESULT_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_a_member": "Not a member of the pinned organization, or it does not exist.",
        "version_unavailable": "This process has not reached `since` within the bound.",
        "query_failed": "The developer's query raised an exception.",
    }
)
"""Those of the server; queries of an application may fail with codes of their own."""
