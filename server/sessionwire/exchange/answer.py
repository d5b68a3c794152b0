"""What every gateway does alike with the end of an exchange, good or bad."""

from __future__ import annotations

import secrets
import traceback
from typing import TYPE_CHECKING

from starlette.responses import Response

from sessionwire.auth.reading import VERSION_HEADER
from sessionwire.context import REQUEST
from sessionwire.model import format_version

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from sessionwire.exchange.call import Reply

__all__ = ["log_failure", "response_of"]


def response_of(reply: Reply, content: bytes | None, headers: Mapping[str, str]) -> Response:
    """The reply as HTTP, with these headers below its own."""
    said = {**headers, **reply.headers}
    if reply.version:
        said[VERSION_HEADER] = format_version(reply.version)
    response = Response(content, reply.status, said)
    for line in reply.cookies:
        response.raw_headers.append((b"set-cookie", line.encode("latin-1")))
    return response


def log_failure(logger: logging.Logger, asked: str, error: Exception) -> str:
    """Log the kind of an exception, and where it was raised: its text may hold a secret.

    The id that comes back is for the answer: it names the line, and is the request's own.
    """
    id = REQUEST.get() or secrets.token_hex(8)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    cause = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
    logger.error("%s failed, request %s: %s", asked, id, cause)
    logger.debug("request %s", id, exc_info=error)
    return id
