"""Queries: what they may be, what they may read, and what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.errors import PeerError, ProtocolError
from sessionwire.model import ANONYMOUS, ObjectId, OpaqueId
from sessionwire.reactive.change import DocumentKey, SetKey, comparable
from sessionwire.reactive.replica import Replica
from sessionwire.reactive.view import Answer, Context, Failure, Queries, evaluate
from support import naive
from support.naive import NaiveDatabase

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionwire.reactive.view import Evaluation, Source

DATABASE = NaiveDatabase()
for number in range(3):
    DATABASE.commit(naive.put("thing", {"_id": number, "kind": "a", "n": number}))


def run(function: Callable[..., Any], source: Source | None = None, **args: Any) -> Evaluation:
    queries = Queries()
    queries.add("q", function)
    query = queries.named("q")
    source = DATABASE.at(DATABASE.version) if source is None else source
    return evaluate(query, ANONYMOUS, query.parse(args), source)


def answer(function: Callable[..., Any], **args: Any) -> Any:
    outcome = run(function, **args).outcome
    assert isinstance(outcome, Answer), outcome
    return json.loads(outcome.encoded)


def test_it_reads_by_id_and_by_equality() -> None:
    assert answer(lambda ctx: ctx.get("thing", 1)) == {"_id": 1, "kind": "a", "n": 1}
    assert answer(lambda ctx: ctx.get("thing", 9)) is None
    assert answer(lambda ctx: [each["n"] for each in ctx.where("thing", kind="a")]) == [0, 1, 2]
    assert answer(lambda ctx: [each["n"] for each in ctx.get_many("thing", [2, 9, 0])]) == [2, 0]


def test_it_says_what_it_read() -> None:
    def query(ctx: Context) -> None:
        ctx.get("thing", 7)
        ctx.where("thing", kind="b")

    assert run(query).reads == {DocumentKey("thing", 7), SetKey("thing", "kind", "b")}


def test_it_ends_at_the_first_thing_that_is_not_held_and_loads_together_what_it_expects() -> None:
    empty = Replica(idle_limit=0)
    empty.restart(DATABASE.version)

    def query(ctx: Context) -> None:
        ctx.expect("thing", 2)
        ctx.expect("thing", kind="b")
        try:
            ctx.get("thing", 1)
        except Exception:
            raise AssertionError("a query must not be able to swallow this") from None

    evaluation = run(query, empty)
    assert evaluation.outcome is None
    assert evaluation.missing == {
        DocumentKey("thing", 1),
        DocumentKey("thing", 2),
        SetKey("thing", "kind", "b"),
    }


def test_a_query_that_swallows_everything_still_has_no_answer() -> None:
    empty = Replica(idle_limit=0)
    empty.restart(DATABASE.version)

    def query(ctx: Context) -> str:
        try:
            ctx.get("thing", 1)
        except BaseException:
            pass
        return "made up"

    assert run(query, empty).outcome is None


def test_values_become_json() -> None:
    @dataclass
    class Point:
        x: int

    id, at = ObjectId(), datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    assert answer(lambda ctx: {"id": id, "at": [at], "point": Point(1)}) == {
        "id": str(id),
        "at": ["2026-01-02T03:04:05.678Z"],
        "point": {"x": 1},
    }


def test_a_value_that_is_no_json_fails_the_query() -> None:
    outcome = run(lambda ctx: object()).outcome
    assert isinstance(outcome, Failure) and outcome.code == "query_failed"


def test_a_refusal_has_the_code_that_the_query_gives_it() -> None:
    def query(ctx: Context) -> None:
        raise PeerError("not for you", code="not_for_you")

    outcome = run(query).outcome
    assert outcome == Failure("not_for_you", "not for you")


@pytest.mark.parametrize(
    "equals",
    [{}, {"a": 1, "b": 2}, {"a": None}, {"a": [1]}, {"a": {}}, {"a": 1.5}, {"a.b": 1}, {"$a": 1}],
)
def test_what_cannot_be_kept_current_cannot_be_asked(equals: dict[str, Any]) -> None:
    outcome = run(lambda ctx: ctx.where("thing", **equals)).outcome
    assert isinstance(outcome, Failure) and isinstance(outcome.cause, ValueError)


def test_values_are_equal_as_mongodb_has_it() -> None:
    assert comparable(1) == comparable(1.0) != comparable(True)
    assert comparable("1") != comparable(1)
    assert comparable(None) is comparable([1]) is comparable({}) is comparable(0.5) is None


def test_documents_of_every_kind_of_id_have_an_order() -> None:
    database = NaiveDatabase()
    ids = ["b", 2, ObjectId(), OpaqueId(b"x"), 1, "a"]
    for id in ids:
        database.commit(naive.put("thing", {"_id": id, "kind": "a"}))
    source = database.at(database.version)
    outcome = run(lambda ctx: len(ctx.where("thing", kind="a")), source).outcome
    assert isinstance(outcome, Answer) and outcome.value == 6


@pytest.mark.parametrize(
    ("args", "good"),
    [
        ({"n": 1}, True),
        ({"n": 1, "text": "x"}, True),
        ({"n": 1, "text": None}, True),
        ({}, False),
        ({"n": "1"}, False),
        ({"n": None}, False),
        ({"n": True}, False),
        ({"n": {"$gt": 0}}, False),
        ({"n": 1, "text": 2}, False),
        ({"n": 1, "other": 2}, False),
        ({"n": 1, "ctx": None}, False),
    ],
)
def test_args_are_checked_against_the_annotations(args: dict[str, Any], good: bool) -> None:
    def query(ctx: Context, n: int, text: str = "") -> int:
        return n

    queries = Queries()
    queries.add("q", query)
    if good:
        assert queries.named("q").parse(args)["n"] == 1
        return
    with pytest.raises(ProtocolError) as caught:
        queries.named("q").parse(args)
    assert caught.value.code == "invalid_args"


def test_only_plain_functions_with_named_args_are_queries() -> None:
    async def waits(ctx: Context) -> None: ...

    def anything(ctx: Context, **args: int) -> None: ...

    queries = Queries()
    for function in (waits, anything):
        with pytest.raises(ValueError, match="a query"):
            queries.add("q", function)
    queries.add("q", lambda ctx: None)
    with pytest.raises(ValueError, match="exists"):
        queries.add("q", lambda ctx: None)
