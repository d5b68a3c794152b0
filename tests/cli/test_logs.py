"""What one line of the log looks like, for people and for programs."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import sessionwire.cli  # noqa: F401
from sessionwire.cli.logs import JsonLines, TextLines, named, one_line
from sessionwire.cli.program import program
from sessionwire.context import CONNECTION, REQUEST
from support.process import eventually, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def ids() -> Iterator[None]:
    """The code that logs works for a request, on a connection."""
    tokens = REQUEST.set("4bf92f3577b34da6"), CONNECTION.set("0af76519")
    yield
    REQUEST.reset(tokens[0])
    CONNECTION.reset(tokens[1])


def line(formatter: logging.Formatter, said: str, *values: object, failed: bool = False) -> str:
    """The line that a handler writes, filters and all."""
    info: Any = None
    if failed:
        try:
            raise ValueError("a\nb")
        except ValueError as error:
            info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("sessionwire.live", logging.INFO, "", 0, said, values, info)
    assert one_line(record) and named(record)
    return formatter.format(record)


def test_json_is_one_object_with_what_is_known(ids: None) -> None:
    said: dict[str, str] = json.loads(line(JsonLines(), "The %s is %d", "answer", 42))
    assert TIME.fullmatch(said.pop("time"))
    assert said == {
        "level": "info",
        "logger": "sessionwire.live",
        "message": "The answer is 42",
        "request": "4bf92f3577b34da6",
        "connection": "0af76519",
    }


def test_json_says_nothing_of_what_there_is_not() -> None:
    assert set(json.loads(line(JsonLines(), "x"))) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize(
    "said", ['quote " and \\', "a\r\nINFO b", "grün", "\u2028", "\udc80", "\0"]
)
def test_json_stays_one_line_whatever_is_logged(said: str) -> None:
    written = line(JsonLines(), "%s", said, failed=True)
    shown = written.encode("utf-8", "backslashreplace").decode()  # as standard error does
    assert len(shown.splitlines()) == 1
    assert "ValueError" in json.loads(shown)["exception"]


def test_text_names_the_request_and_the_connection_once(ids: None) -> None:
    both = " (request 4bf92f3577b34da6, connection 0af76519)"
    assert line(TextLines(), "Something happened").endswith(f"Something happened{both}")
    told = line(TextLines(), "The connection %s ended", "0af76519")
    assert told.endswith("The connection 0af76519 ended (request 4bf92f3577b34da6)")


def test_text_without_either_is_as_before() -> None:
    written = line(TextLines(), "The answer is %d", 42)
    assert re.fullmatch(r"[\d-]+ [\d:,]+ INFO sessionwire\.live The answer is 42", written)


async def test_a_server_that_logs_json_logs_nothing_else(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", "--log-level", "debug", log_format="json") as served:
        http = await served.web.sign_up()
        live = await served.web.live(http)
        shaken = live.connection.response
        assert shaken is not None
        answer = await http.post("/api/auth/sign-out", json={})
        await live.until(lambda frame: frame["op"] == "bye")
        await eventually(lambda: "ended: signed_out" in served.printed)
        told = [each for each in served.printed.splitlines() if " is ready at " not in each]
    lines = [json.loads(each) for each in told]
    assert all({"time", "level", "logger", "message"} <= each.keys() for each in lines)
    (ended,) = [each for each in lines if each["message"].endswith("ended: signed_out")]
    assert ended["request"] == shaken.headers["x-request-id"]
    assert ended["connection"] in ended["message"]
    (event,) = [each for each in lines if each["message"].startswith("session_ended")]
    assert event["request"] == answer.headers["x-request-id"]
    assert "connection" not in event


def test_another_format_is_refused() -> None:
    ended = CliRunner().invoke(program, ["serve", "--log-format", "xml"])
    assert ended.exit_code == 2 and "'xml' is not one of" in ended.output
