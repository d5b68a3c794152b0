"""Every link of the documentation leads somewhere, on the site and where the files are browsed."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docs.pages import PAGES, ROOT, prose, read

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?)(?: \{[^}]*\})?$", re.MULTILINE)
PATH = re.compile(r"`((?:client_js|docs|scripts|server|tests)/[\w./*-]+)`")


def links(page: str) -> list[str]:
    return LINK.findall(prose(page))


def anchors(page: str) -> set[str]:
    """As both GitHub and the site make them of headings."""
    texts = [re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", each) for each in HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in texts}


def broken(page: str, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return not link.startswith(("https://", "mailto:"))
    path, _, anchor = link.partition("#")
    if anchor in ("only-light", "only-dark") and path.endswith(".png"):
        anchor = ""
    target = (ROOT / PurePosixPath(page).parent / path).resolve() if path else ROOT / page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(str(target.relative_to(ROOT)))


def test_every_link_and_anchor_is_there() -> None:
    found = [(page, link) for page in PAGES for link in links(page)]
    assert len(found) > 120
    assert [each for each in found if broken(*each)] == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    assert broken("README.md", "docs/nothing.md") and broken("README.md", "docs/session.md#nothing")
    assert broken("docs/session.md", "http://plain.example")
    assert not broken("docs/session.md", "protocol.md#limits")


def test_every_file_that_is_named_is_there() -> None:
    missing = [(page, path) for page in PAGES for path in PATH.findall(read(page)) if _lacks(path)]
    assert missing == []


def _lacks(path: str) -> bool:
    return not list(ROOT.glob(path))


def test_the_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 125


def test_no_page_is_out_of_reach() -> None:
    """From the README or the site's home, link by link."""
    reached = {page for start in ("README.md", "docs/index.md") for page in _reached(start)}
    assert {each for each in PAGES if each.startswith("docs/")} - reached == set()


def _reached(start: str) -> Iterator[str]:
    waiting, seen = [start], {start}
    while waiting:
        page = waiting.pop()
        yield page
        for link in links(page):
            path = link.partition("#")[0]
            if not path.endswith(".md") or ":" in path:
                continue
            target = str((ROOT / PurePosixPath(page).parent / path).resolve().relative_to(ROOT))
            if target not in seen and target in PAGES:
                seen.add(target)
                waiting.append(target)
