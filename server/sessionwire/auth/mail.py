"""The port through which mail leaves; who carries it is for the application to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from sessionwire.policy.letters import Words

__all__ = ["Letter", "LetterKind", "Post", "letter"]

LetterKind = Literal[
    "verify_email",
    "change_email",
    "email_changed",
    "address_taken",
    "reset_password",
    "delete_user",
    "invitation",
]


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, as plain text: what users wrote cannot become markup in it."""

    kind: LetterKind
    to: str
    subject: str
    text: str
    url: str | None = None
    """The link in the text, for who composes a mail of their own."""


class Post(Protocol):
    """Takes letters and returns at once: no answer takes longer because an address exists."""

    def send(self, letter: Letter) -> None: ...


def letter(kind: LetterKind, words: Words, *, to: str) -> Letter:
    """These words, addressed."""
    return Letter(kind, to, words.subject, words.text, words.url)
