"""docs/protocol.md and the server have the same reasons, close codes and errors."""

from __future__ import annotations

import re
from pathlib import Path

from sessionwire.gateways.live.vocabulary import (
    CLOSE_CODES,
    ENDINGS,
    FRAME_ERRORS,
    RESULT_ERRORS,
)

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    below = PAGE.partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\|\n)+", below, re.MULTILINE)
    assert table is not None, heading
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_end_of_a_connection_is_there_with_its_code() -> None:
    said = {cells[0].strip("`"): cells[1:3] for cells in rows("## The end of a connection")}
    ours = {name: [str(each.code), str(each.retry).lower()] for name, each in ENDINGS.items()}
    assert said == ours


def test_every_close_code_without_a_bye_is_there() -> None:
    sentence = PAGE.partition("uses without `bye`:")[2].partition("\n\n")[0]
    assert {int(each) for each in re.findall(r"\b1\d{3}\b", sentence)} == CLOSE_CODES.keys()


def test_every_error_is_there() -> None:
    frames = [cells[0].strip("`") for cells in rows("### Errors of a frame")]
    results = [cells[0].strip("`") for cells in rows("### Errors of a result")]
    assert set(frames) == FRAME_ERRORS.keys() and set(results) == RESULT_ERRORS.keys()
