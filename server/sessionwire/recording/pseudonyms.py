"""Other names for what is private: the same text has the same one throughout a recording; pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TOKEN_PREFIX", "Kind", "Pseudonyms", "label_of"]

Kind = Literal[
    "token",
    "name",
    "email",
    "image",
    "address",
    "agent",
    "organization",
    "slug",
    "text",
    "id",
    "invitation",
]

TOKEN_PREFIX = "viewer"
_TOKEN_LENGTH = 32

_WORDS: dict[Kind, Callable[[int], str]] = {
    "token": lambda n: f"{TOKEN_PREFIX}{n:0{_TOKEN_LENGTH - len(TOKEN_PREFIX)}d}",
    "name": lambda n: f"Person {n}",
    "email": lambda n: f"person{n}@example.com",
    "image": lambda n: f"/sessionwire/pages/icon.svg?{n}",
    "address": lambda n: f"2001:db8::{n:x}",
    "agent": lambda n: f"Browser {n}",
    "organization": lambda n: f"Organization {n}",
    "slug": lambda n: f"organization-{n}",
    "text": lambda n: f"text {n}",
    "id": lambda n: f"id-{n}",
    "invitation": lambda n: f"invitation-{n}",
}
_ALWAYS: frozenset[Kind] = frozenset({"token", "invitation"})
"""Credentials: who holds them may do something."""


class Pseudonyms:
    """Numbers texts of a kind in the order in which they are met, so that nothing of them shows.

    Which text has which pseudonym is known here only, and in no file. With `keep_personal` only
    credentials are replaced.
    """

    def __init__(self, *, keep_personal: bool = False) -> None:
        self.keep_personal = keep_personal
        self._known: dict[tuple[Kind, str], str] = {}
        self._counts: Counter[Kind] = Counter()

    def of(self, kind: Kind, text: str) -> str:
        """The pseudonym; an empty text is its own."""
        if not text or (self.keep_personal and kind not in _ALWAYS):
            return text
        known = self._known.get((kind, text))
        if known is None:
            self._counts[kind] += 1
            known = self._known[kind, text] = _WORDS[kind](self._counts[kind])
        return known

    def __iter__(self) -> Iterator[tuple[Kind, str, str]]:
        """Every kind, text and pseudonym so far."""
        return ((kind, text, known) for (kind, text), known in self._known.items())


def label_of(token: str) -> str:
    """A replayed session token as people are told it: `viewer1`."""
    number = token.removeprefix(TOKEN_PREFIX)
    return f"{TOKEN_PREFIX}{int(number)}" if number != token and number.isdecimal() else token
