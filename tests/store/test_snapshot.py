"""A query answered straight from the database as of one version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.errors import Forbidden, Unavailable
from sessionwire.model import ANONYMOUS, Version
from sessionwire.reactive.view import Answer, Context, Failure, Queries
from sessionwire.store.snapshot import evaluate_at

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store


def names(ctx: Context, team: str) -> list[Any]:
    """Three rounds of reading: the team, its members, and who they are."""
    found = ctx.get("team", team)
    if found is None:
        raise Forbidden
    members = ctx.where("member", team=found["_id"])
    return [each["name"] for each in ctx.get_many("user", [m["user"] for m in members])]


def endless(ctx: Context) -> None:
    number = 0
    while True:
        ctx.get("c", number)
        number += 1


def broken(ctx: Context) -> None:
    raise ZeroDivisionError


def nowhere(ctx: Context) -> None:
    ctx.get("", 1)


async def ask(store: Store, query: Any, version: Version, **args: Any) -> Answer | Failure:
    queries = Queries()
    queries.add("asked", query)
    return await evaluate_at(store, queries.named("asked"), ANONYMOUS, args, version=version)


@pytest.fixture
async def team(either: Store) -> Version:
    async with either.writing() as writing:
        for id in ("a", "b"):
            await writing.insert_one("user", {"_id": id, "name": id.upper()})
            await writing.insert_one("member", {"_id": f"m{id}", "team": "t", "user": id})
        await writing.insert_one("team", {"_id": "t"})
        return writing.version


async def test_all_rounds_are_read_as_of_one_version(either: Store, team: Version) -> None:
    async with either.writing() as writing:
        await writing.delete_one("member", {"_id": "ma"})
        await writing.update_one("user", {"_id": "b"}, {"$set": {"name": "New"}})
        later = writing.version
    assert await ask(either, names, team, team="t") == Answer(["A", "B"], b'["A","B"]')
    assert await ask(either, names, later, team="t") == Answer(["New"], b'["New"]')


async def test_a_refusal_is_an_answer(either: Store, team: Version) -> None:
    outcome = await ask(either, names, team, team="other")
    assert isinstance(outcome, Failure)
    assert outcome.code == "FORBIDDEN"


async def test_a_query_that_raises_is_an_answer(either: Store, team: Version) -> None:
    outcome = await ask(either, broken, team)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.cause, ZeroDivisionError)


async def test_a_version_that_is_gone_is_unavailable(either: Store, team: Version) -> None:
    with pytest.raises(Unavailable):
        await ask(either, names, Version(team - (900 << 32)), team="t")


async def test_a_query_that_never_ends_reading_is_unavailable(either: Store, team: Version) -> None:
    with pytest.raises(Unavailable, match="never ends"):
        await ask(either, endless, team)


async def test_a_query_of_what_cannot_be_read_is_unavailable(either: Store, team: Version) -> None:
    with pytest.raises(Unavailable):
        await ask(either, nowhere, team)
