"""What the program logs, and how: one line for one event, and none that nobody would read."""

from __future__ import annotations

import asyncio
import logging
import re
import sys

from rich.logging import RichHandler

from sessionwire.cli.program import console

__all__ = ["one_line", "set_up_logs"]

_NOT_WORTH_A_LINE = re.compile(
    "connection (open|closed|rejected)|HTTP response sent|.*WebSocket|"
    "Invalid HTTP request|Unsupported upgrade|ASGI callable returned without completing handshake"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def set_up_logs(level: str) -> None:
    """Log to standard error from this level on: for people in a terminal, else with times."""
    handler = RichHandler(console=console, show_path=False, rich_tracebacks=False)
    if not sys.stderr.isatty():
        handler = logging.StreamHandler()  # type: ignore[assignment]
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(one_line)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What these say in detail are commands, headers and frames, with everything that is in them.
    for library in ("pymongo", "asyncio", "httpx", "httpcore", "websockets", "aiosmtplib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uvicorn_logger = logging.getLogger("uvicorn.error")
    uvicorn_logger.setLevel(max(logging.INFO, logging.root.level))


def one_line(record: logging.LogRecord) -> bool:
    """A connection is worth no line, what a peer sent wrong no traceback, and a line is one."""
    if record.name == "uvicorn.error" and _NOT_WORTH_A_LINE.match(str(record.msg)):
        return False
    if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
        return False  # a request that the end of the server has cut off
    if record.name == "uvicorn.error" and record.msg.startswith("Invalid UTF-8"):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    record.msg, record.args = _CONTROL.sub(_escaped, record.getMessage()), ()
    return True


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
