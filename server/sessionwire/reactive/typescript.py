"""The types of what queries show, written in TypeScript."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import json
import re
import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from sessionwire.model import ObjectId
from sessionwire.reactive.extras import NO_EXTRAS
from sessionwire.reactive.shapes import Session, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessionwire.reactive.extras import Extras
    from sessionwire.reactive.view import Query

__all__ = ["returned", "typescript"]

_HEAD = "/** What the queries show, as JSON: printed by `sessionwire types`. Dates are ISO 8601. */"
_UNKNOWN = "unknown"
_PLAIN: dict[Any, str] = {
    None: "null",
    types.NoneType: "null",
    bool: "boolean",
    int: "number",
    float: "number",
    **dict.fromkeys(
        (str, bytes, bytearray, datetime, date, time, timedelta, Decimal, UUID, ObjectId), "string"
    ),
}
_ARRAYS = (
    list,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Set,
    collections.abc.Collection,
)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_WRAPPERS = (typing.Annotated, typing.Final, typing.Required, typing.NotRequired)
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_TAKEN = frozenset(
    "OwnQueries Queries any bigint boolean case catch const debugger default delete do enum export "
    "extends false function instanceof interface let never new null number object package private "
    "protected public static string super switch symbol this throw true typeof undefined unknown "
    "var void".split()
)
_UNEVALUABLE = (NameError, AttributeError, TypeError, SyntaxError, ValueError)


def typescript(queries: Iterable[Query], *, extras: Extras = NO_EXTRAS) -> str:
    """A declaration module: an interface for each structure, and what each query shows.

    `OwnQueries` are those of the application, `Queries` all. A return annotation that says nothing,
    or cannot be evaluated while the program runs, is `unknown`.
    """
    writer = _Writer({User: extras.user, Session: extras.session})
    built_in: list[str] = []
    own: list[str] = []
    for query in queries:
        if query.name.startswith("$"):
            continue
        line = f"  readonly {_key(query.name)}: {writer.written(returned(query.function))};"
        ours = query.function.__module__ == _BUILT_IN
        (built_in if ours else own).append(line)
    blocks = [
        _HEAD,
        *writer.interfaces(),
        _interface("OwnQueries", own),
        _interface("Queries extends OwnQueries", built_in),
    ]
    return "\n\n".join(blocks) + "\n"


def returned(function: Callable[..., Any]) -> Any:
    """The return annotation; Any without one, or when its names exist for type checkers only."""
    inner = inspect.unwrap(function)

    def bare() -> None: ...

    try:
        bare.__annotations__ = {"return": inner.__annotations__["return"]}
        hints = typing.get_type_hints(bare, inner.__globals__, include_extras=True)
    except (KeyError, *_UNEVALUABLE):
        return Any
    return hints["return"]


_BUILT_IN = "sessionwire.reactive.builtin"


def _interface(head: str, lines: list[str]) -> str:
    return "\n".join([f"export interface {head} {{", *lines, "}"])


def _key(name: str) -> str:
    return name if _IDENTIFIER.match(name) else json.dumps(name)


class _Writer:
    """Writes types, and remembers the structures met on the way; `replaced` stand for others."""

    def __init__(self, replaced: dict[Any, Any]) -> None:
        self._replaced = replaced
        self._names: dict[Any, str] = {}
        self._bodies: dict[str, list[str]] = {}

    def interfaces(self) -> list[str]:
        return [_interface(name, lines) for name, lines in self._bodies.items()]

    def written(self, given: Any) -> str:
        """The type of the JSON that msgspec writes for a value of this type."""
        if not _is_hashable(given):
            return _UNKNOWN
        given = self._replaced.get(given, given)
        origin, args = typing.get_origin(given), typing.get_args(given)
        if given in _PLAIN:
            return _PLAIN[given]
        if origin in _WRAPPERS:
            return self.written(args[0])
        if origin in (typing.Union, types.UnionType):
            return _union(self.written(each) for each in args if each is not msgspec.UnsetType)
        if origin is typing.Literal:
            return _union(_literal(each) for each in args)
        if isinstance(given, typing.NewType):
            return self.written(given.__supertype__)
        if isinstance(given, type) and issubclass(given, Enum):
            return _union(_literal(each.value) for each in given)
        return self._composed(given, origin or given, args)

    def _composed(self, given: Any, kind: Any, args: tuple[Any, ...]) -> str:
        if kind is tuple and args and args[-1] is not ...:
            return self._tuple(args)
        if kind in _ARRAYS or kind is tuple:
            return f"readonly {_grouped(self.written(args[0]) if args else _UNKNOWN)}[]"
        if kind in _OBJECTS:
            value = self.written(args[1]) if args else _UNKNOWN
            return f"{{ readonly [key: string]: {value} }}"
        if not isinstance(kind, type):
            return _UNKNOWN
        try:
            return self._structure(given, kind)
        except _UNEVALUABLE:
            return _UNKNOWN

    def _tuple(self, items: Iterable[Any]) -> str:
        return f"readonly [{', '.join(self.written(each) for each in items)}]"

    def _structure(self, given: Any, kind: type) -> str:
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            hints = typing.get_type_hints(kind)
            return self._tuple(hints.get(each, Any) for each in kind._fields)
        if issubclass(kind, msgspec.Struct) and kind.__struct_config__.array_like:
            return self._tuple(each.type for each in msgspec.structs.fields(given))
        if given not in self._names:
            members = _members(given, kind)
            if members is None:
                return _UNKNOWN
            self._define(given, kind, members)
        return self._names[given]

    def _define(self, given: Any, kind: type, members: list[_Member]) -> None:
        name = self._names[given] = self._free_name(kind.__name__)
        lines = self._bodies[name] = []  # before its members, which may speak of it
        for each in members:
            mark = "?" if each.optional else ""
            written = each.literal or self.written(each.type)
            lines.append(f"  readonly {_key(each.name)}{mark}: {written};")

    def _free_name(self, wanted: str) -> str:
        wanted = wanted if _IDENTIFIER.match(wanted) else "Data"
        name, number = wanted, 2
        while name in _TAKEN or name in self._bodies:
            name, number = f"{wanted}{number}", number + 1
        return name


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    name: str
    type: Any
    optional: bool = False
    literal: str = ""


def _members(given: Any, kind: type) -> list[_Member] | None:
    """What an object of this class has; None for a class that is no structure."""
    if issubclass(kind, msgspec.Struct):
        return [*_tag(kind), *(_of_struct(each, kind) for each in msgspec.structs.fields(given))]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = [each.name for each in dataclasses.fields(kind)]
        return [_Member(each, hints[each]) for each in fields if not each.startswith("_")]
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        required: frozenset[str] = vars(kind)["__required_keys__"]
        return [
            _Member(name, each, optional=_may_be_missing(each, name not in required))
            for name, each in hints.items()
        ]
    return None


def _may_be_missing(hint: Any, otherwise: bool) -> bool:
    """What the member itself says counts: for postponed annotations, the class does not know."""
    origin = typing.get_origin(hint)
    return origin is typing.NotRequired or (otherwise and origin is not typing.Required)


def _of_struct(field: msgspec.structs.FieldInfo, kind: type[msgspec.Struct]) -> _Member:
    left_out = kind.__struct_config__.omit_defaults and not field.required
    unset = msgspec.UnsetType in typing.get_args(field.type)
    return _Member(field.encode_name, field.type, bool(left_out or unset))


def _tag(kind: type[msgspec.Struct]) -> list[_Member]:
    config = kind.__struct_config__
    if config.tag_field is None:
        return []
    return [_Member(config.tag_field, str, literal=json.dumps(config.tag))]


def _union(each: Iterable[str]) -> str:
    parts = list(dict.fromkeys(each))
    return _UNKNOWN if _UNKNOWN in parts or not parts else " | ".join(parts)


def _literal(value: Any) -> str:
    if value is None or isinstance(value, str | int):
        return json.dumps(value)
    return _UNKNOWN


def _grouped(written: str) -> str:
    """As the item of an array."""
    return f"({written})" if " | " in written or written.startswith("readonly ") else written


def _is_hashable(given: Any) -> bool:
    try:
        hash(given)
    except TypeError:
        return False
    return True
