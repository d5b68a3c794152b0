"""The types of queries' data, written in TypeScript."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence  # noqa: TC003 (annotations are evaluated)
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)
from uuid import UUID  # noqa: TC003

import msgspec
import pytest

from sessionwire.model import ObjectId
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.extras import Extras
from sessionwire.reactive.typescript import typescript

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

_Value = TypeVar("_Value")
Slug = NewType("Slug", str)


class Color(enum.Enum):
    RED = "red"
    NONE = 0


class Place(NamedTuple):
    x: float
    label: str


class Task(msgspec.Struct, rename="camel"):
    task_id: ObjectId
    due_at: datetime | None
    color: Color
    parts: list[Task]


class Sparse(msgspec.Struct, omit_defaults=True, tag="sparse"):
    always: int
    left_out: int = 0
    unset: int | msgspec.UnsetType = msgspec.UNSET


class Row(msgspec.Struct, array_like=True):
    id: str
    done: bool


class Page(msgspec.Struct, Generic[_Value]):
    items: list[_Value]


@dataclass
class Project:
    name: str
    owner: Project | None
    _private: int = 0


class Options(TypedDict):
    mode: Literal["a", "b", 3, None, True]
    more: NotRequired[int]


class User(msgspec.Struct):
    nickname: str


class Weird:
    """No structure."""


def struct(ctx: Any) -> Task | None: ...
def sparse(ctx: Any) -> Sparse: ...  # type: ignore[empty-body]
def both(ctx: Any) -> list[Project | Options]: ...  # type: ignore[empty-body]
def rows(ctx: Any) -> list[Row]: ...  # type: ignore[empty-body]
def generic(ctx: Any) -> dict[str, Page[UUID]]: ...  # type: ignore[empty-body]
def mine(ctx: Any) -> User: ...  # type: ignore[empty-body]
def plain(ctx: Any) -> tuple[Slug, int, timedelta]: ...  # type: ignore[empty-body]
def many(ctx: Any) -> tuple[Place, ...]: ...  # type: ignore[empty-body]
def mapping(ctx: Any) -> Mapping[str, Sequence[int | str]]: ...  # type: ignore[empty-body]
def documents(ctx: Any) -> list[dict]: ...  # type: ignore[empty-body, type-arg]
def annotated(ctx: Any) -> Annotated[int, []]: ...  # type: ignore[empty-body]
def bounded(ctx: Any) -> Annotated[int, "positive"]: ...  # type: ignore[empty-body]
def nothing(ctx: Any) -> None: ...
def untold(ctx):  # type: ignore[no-untyped-def]
    ...
def unevaluable(ctx: Any) -> Decimal: ...  # type: ignore[empty-body]
def weird(ctx: Any) -> Weird | int: ...  # type: ignore[empty-body]


def printed(*functions: Callable[..., Any], extras: Extras | None = None) -> str:
    extras = extras or Extras()
    queries = make_queries(active_organization="user", extras=extras)
    for function in functions:
        queries.add(function.__name__, function)
    return typescript(queries, extras=extras)


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (struct, "Task | null"),
        (sparse, "Sparse"),
        (both, "readonly (Project | Options)[]"),
        (rows, "readonly (readonly [string, boolean])[]"),
        (generic, "{ readonly [key: string]: Page }"),
        (mine, "User2"),
        (plain, "readonly [string, number, string]"),
        (many, "readonly (readonly [number, string])[]"),
        (mapping, "{ readonly [key: string]: readonly (number | string)[] }"),
        (documents, "readonly { readonly [key: string]: unknown }[]"),
        (annotated, "unknown"),
        (bounded, "number"),
        (nothing, "null"),
        (untold, "unknown"),
        (unevaluable, "unknown"),
        (weird, "unknown"),
    ],
)
def test_a_return_annotation_is_written_as_its_json(
    function: Callable[..., Any], written: str
) -> None:
    name = function.__name__
    own = printed(function).partition("interface OwnQueries {")[2]
    assert own.startswith(f"\n  readonly {name}: {written};\n}}")


@pytest.mark.parametrize(
    ("function", "interface"),
    [
        (
            struct,
            """interface Task {
  readonly taskId: string;
  readonly dueAt: string | null;
  readonly color: "red" | 0;
  readonly parts: readonly Task[];
}""",
        ),
        (
            sparse,
            """interface Sparse {
  readonly type: "sparse";
  readonly always: number;
  readonly left_out?: number;
  readonly unset?: number;
}""",
        ),
        (
            both,
            "interface Project {\n  readonly name: string;\n  readonly owner: Project | null;\n}",
        ),
        (
            both,
            """interface Options {
  readonly mode: "a" | "b" | 3 | null | true;
  readonly more?: number;
}""",
        ),
        (generic, "interface Page {\n  readonly items: readonly string[];\n}"),
        (mine, "interface User2 {\n  readonly nickname: string;\n}"),
    ],
)
def test_a_structure_is_an_interface(function: Callable[..., Any], interface: str) -> None:
    assert f"export {interface}\n" in printed(function)


def test_fields_of_the_application_are_in_users_and_sessions() -> None:
    text = printed(extras=Extras(user_fields=("plan",), session_fields=("device_name",)))
    user = text.partition("interface User {")[2].partition("}")[0]
    session = text.partition("interface Session {")[2].partition("}")[0]
    assert "readonly plan: unknown;" in user and "readonly email: string;" in user
    assert "readonly device_name: unknown;" in session and "plan" not in session


def test_a_name_that_is_no_identifier_is_quoted() -> None:
    queries = make_queries(active_organization="user")
    queries.add('a.b"', nothing)
    assert '  readonly "a.b\\"": null;' in typescript(queries)


def test_what_clients_cannot_ask_for_is_not_written() -> None:
    assert "$" not in printed() and "Identity" not in printed()


def test_what_is_written_is_what_is_encoded() -> None:
    """Each member of an interface is one of the JSON, and the other way round."""
    task = Task(task_id=None, due_at=None, color=Color.RED, parts=[])  # type: ignore[arg-type]
    body = printed(struct).partition("interface Task {")[2].partition("}")[0]
    names = [line.split()[1].rstrip(":") for line in body.strip().splitlines()]
    assert names == list(msgspec.json.decode(msgspec.json.encode(task)))
