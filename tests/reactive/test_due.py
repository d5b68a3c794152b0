"""What is due remembers the one edit it is due for, and only while it is the only reason."""

from __future__ import annotations

from sessionwire.model import ANONYMOUS
from sessionwire.reactive.change import DocumentKey
from sessionwire.reactive.due import Due
from sessionwire.reactive.outbox import Watch
from sessionwire.reactive.view import Edit, Queries

QUERIES = Queries()
QUERIES.add("q", lambda ctx: None)
ONE, OTHER = (Watch(QUERIES.named("q"), ANONYMOUS, {}) for _ in range(2))
KEY = DocumentKey("user", 1)
NAME, MAIL = Edit(KEY, {"name"}), Edit(KEY, {"email"})
ELSEWHERE = Edit(DocumentKey("organization", 1), {"name"})


def due(*added: tuple[Watch, Edit | None]) -> dict[Watch, Edit | None]:
    made = Due()
    for watch, edit in added:
        made.add([watch], edit)
    return made.take()


def test_each_is_due_once_in_order() -> None:
    assert list(due((OTHER, None), (ONE, NAME), (OTHER, NAME))) == [OTHER, ONE]


def test_edits_of_one_document_are_one_edit() -> None:
    assert due((ONE, NAME), (ONE, MAIL)) == {ONE: Edit(KEY, {"name", "email"})}


def test_edits_of_two_documents_are_none() -> None:
    assert due((ONE, NAME), (ONE, ELSEWHERE), (ONE, NAME)) == {ONE: None}


def test_any_other_reason_is_none() -> None:
    assert due((ONE, None), (ONE, NAME)) == {ONE: None}
    assert due((ONE, NAME), (ONE, None)) == {ONE: None}


def test_what_was_taken_or_discarded_is_due_no_more() -> None:
    made = Due()
    made.add([ONE, OTHER])
    made.discard(ONE)
    assert list(made.take()) == [OTHER]
    assert made.take() == {}
