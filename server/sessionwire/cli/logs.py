"""What the program logs, and how: one line for one event, and none that nobody would read."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

from rich.logging import RichHandler

from sessionwire.cli.program import console
from sessionwire.context import CONNECTION, REQUEST
from sessionwire.model import format_date

__all__ = ["JsonLines", "LogFormat", "TextLines", "named", "one_line", "set_up_logs"]

LogFormat = Literal["text", "json"]

_NOT_WORTH_A_LINE = re.compile(
    "connection (open|closed|rejected)|HTTP response sent|.*WebSocket|"
    "Invalid HTTP request|Unsupported upgrade|"
    "ASGI callable returned without completing handshake"  # uvicorn, of every refused one
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def set_up_logs(level: str, format: LogFormat = "text") -> None:
    """Log to standard error from this level on: for people in a terminal, else with times.

    As `json`, each line is one object (docs/observing.md#logs).
    """
    handler: logging.Handler = RichHandler(console=console, show_path=False, rich_tracebacks=False)
    if format == "json" or not sys.stderr.isatty():
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines() if format == "json" else TextLines())
    handler.addFilter(one_line)
    handler.addFilter(named)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What these say in detail are commands, headers and frames, with everything that is in them.
    quiet = ("pymongo", "asyncio", "httpx", "httpcore", "websockets", "aiosmtplib", "urllib3")
    for library in (*quiet, "opentelemetry"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uvicorn_logger = logging.getLogger("uvicorn.error")
    uvicorn_logger.setLevel(max(logging.INFO, logging.root.level))


class TextLines(logging.Formatter):
    """Time, level, logger, message; and which request or connection, where the message does not."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = [f"{name} {id}" for name, id in _names(record).items() if id not in record.message]
        line = super().formatMessage(record)
        return f"{line} ({', '.join(ids)})" if ids else line


class JsonLines(logging.Formatter):
    """The same as one JSON object; an exception is its traceback, in the same line."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, str] = {
            "time": format_date(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_names(record),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def named(record: logging.LogRecord) -> bool:
    """Note which request and which connection the code that logs is working for."""
    record.request, record.connection = REQUEST.get(), CONNECTION.get()
    return True


def _names(record: logging.LogRecord) -> dict[str, str]:
    found = {name: getattr(record, name, "") for name in ("request", "connection")}
    return {name: id for name, id in found.items() if id}


def one_line(record: logging.LogRecord) -> bool:
    """A connection is worth no line, what a peer sent wrong no traceback, and a line is one."""
    if record.name == "uvicorn.error" and _NOT_WORTH_A_LINE.match(str(record.msg)):
        return False
    if record.name == "uvicorn.error" and record.msg.startswith("Invalid UTF-8"):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    record.msg, record.args = _CONTROL.sub(_escaped, record.getMessage()), ()
    return True


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
