"""The pages of the documentation, and the code blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "blocks", "prose", "read"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(each.relative_to(ROOT))
    for each in [
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "client_js" / "README.md",
        ROOT / "tests" / "conversations" / "README.md",
    ]
)
_FENCE = re.compile(r"^( *)```(\w*)[^\n`]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"<!-- (run by|compiled:) ([^>]+?) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block; `number` counts the blocks of its language on the page, from 0.

    A comment before it, which does not show, says when it is not run as it stands:
    `<!-- compiled: why it cannot run by itself -->` or `<!-- run by tests/docs/test_it.py -->`.
    """

    page: str
    language: str
    number: int
    text: str
    marker: str = ""
    """`run by`, `compiled:`, or nothing."""
    reason: str = ""

    @property
    def name(self) -> str:
        return f"{self.page}:{self.language}:{self.number}"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every block of these languages, of all pages."""
    found = []
    for page in PAGES:
        text, numbers = read(page), dict.fromkeys(languages, 0)
        for match in _FENCE.finditer(text):
            language = match[2]
            if language in numbers:
                marker = _MARKER.search(text[: match.start()])
                said = ("", "") if marker is None else (marker[1], marker[2])
                found.append(Block(page, language, numbers[language], match[3], *said))
                numbers[language] += 1
    return found


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", read(page))
