"""Checks bodies and queries, in the very words of better-auth's contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from sessionwire.errors import BadRequest
from sessionwire.policy.emails import canonical_email

__all__ = [
    "UNDEFINED",
    "Field",
    "Schema",
    "Undefined",
    "address",
    "anything",
    "boolean",
    "choice",
    "count",
    "describe",
    "filled",
    "record",
    "roles",
    "scalar",
    "string",
]


class Undefined(Enum):
    """Stands for a field, or a body, that is not there."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

_TEXT = 2_000
_SAFE = 2**53 - 1
"""The largest whole number that JavaScript keeps."""
_DIGITS = re.compile(r"[0-9]{1,9}\Z")


class Mismatch(Exception):
    """A value that is not of its field's kind; its text goes into the answer."""


Kind = Callable[[object], Any]
"""Gives the value to use. Raises Mismatch."""


def string(value: object) -> str:
    if not isinstance(value, str):
        raise Mismatch(f"Invalid input: expected string, received {_kind_of(value)}")
    return value


def anything(value: object) -> Any:
    """For what the handler checks itself; a required field may then be UNDEFINED."""
    return value


def filled(value: object) -> str:
    if not string(value):
        raise Mismatch("Too small: expected string to have >=1 characters")
    return string(value)


def address(value: object) -> str:
    if canonical_email(string(value)) is None:
        raise Mismatch("Invalid email address")
    return string(value)


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Mismatch(f"Invalid input: expected boolean, received {_kind_of(value)}")
    return value


def record(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch(f"Invalid input: expected record, received {_kind_of(value)}")
    return value


def scalar(value: object) -> str | bool | int | float:
    """One value that a document keeps and a page reads as it was given."""
    if isinstance(value, str):
        if len(value) > _TEXT:
            raise Mismatch(f"Too big: expected string to have <={_TEXT} characters")
        return value
    if isinstance(value, bool | int | float) and abs(value) <= _SAFE:
        return value
    raise Mismatch("Invalid input")


def roles(value: object) -> list[str]:
    """One role, several joined by commas, or a list of them."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
        raise Mismatch("Invalid input")
    return [name.strip() for each in parts for name in each.split(",") if name.strip()]


def count(value: object) -> int:
    """A whole number, as a query writes it."""
    if not _DIGITS.match(string(value)):
        raise Mismatch("Invalid input: expected number, received NaN")
    return int(string(value))


def choice(*options: str) -> Kind:
    listed = "|".join(f'"{each}"' for each in options)

    def chosen(value: object) -> str:
        if value not in options:
            raise Mismatch(f"Invalid option: expected one of {listed}")
        return string(value)

    _SHAPES[chosen] = {"enum": list(options)}
    return chosen


_SHAPES: dict[Kind, Mapping[str, Any]] = {
    string: {"type": "string"},
    filled: {"type": "string", "minLength": 1},
    address: {"type": "string", "format": "email"},
    boolean: {"type": "boolean"},
    scalar: {"type": ["string", "boolean", "number"]},
    record: {"type": "object"},
    roles: {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    count: {"type": "string", "pattern": "^[0-9]{1,9}$"},
}


def describe(field: Field) -> Mapping[str, Any]:
    """The field's values as a JSON Schema; a kind of an endpoint's own takes anything."""
    shape = _SHAPES.get(field.kind, {})
    return {"anyOf": [shape, {"type": "null"}]} if field.nullable else shape


@dataclass(frozen=True, slots=True)
class Field:
    """One named value; an optional one may be absent, a nullable one null."""

    name: str
    kind: Kind = string
    required: bool = True
    nullable: bool = False

    def parse(self, value: object) -> Any:
        if value is None and self.nullable:
            return None
        return self.kind(value)


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of a body or a query; those that it does not name are dropped, or the `rest`."""

    fields: Sequence[Field] = ()
    container: Literal["object", "record"] = "object"
    rest: str | None = None
    """Under which name the values that it does not name are given, unchecked."""

    def parse(self, value: object, *, where: str = "body") -> dict[str, Any]:
        """Its values by name. Raises BadRequest that names every fault, in the fields' order."""
        if not isinstance(value, dict):
            raise _refusal(
                [f"[{where}] Invalid input: expected {self.container}, received {_kind_of(value)}"]
            )
        parsed, faults = {}, []
        for field in self.fields:
            given = value.get(field.name, UNDEFINED)
            if given is UNDEFINED and not field.required:
                continue
            try:
                parsed[field.name] = field.parse(given)
            except Mismatch as mismatch:
                faults.append(f"[{where}.{field.name}] {mismatch}")
        if faults:
            raise _refusal(faults)
        if self.rest is not None:
            named = {field.name for field in self.fields}
            parsed[self.rest] = {key: each for key, each in value.items() if key not in named}
        return parsed


def _refusal(faults: Sequence[str]) -> BadRequest:
    return BadRequest("; ".join(faults), code="VALIDATION_ERROR")


def _kind_of(value: object) -> str:
    """What JavaScript calls the kind of a JSON value."""
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
