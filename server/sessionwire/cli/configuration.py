"""The effective settings, where each comes from, and names that are none; secrets stay hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, SecretStr

from sessionwire.policy.urls import masked_url
from sessionwire.settings import Settings, read_settings, set_by
from sessionwire.spelling import PREFIX, nearest, nearest_key, unknown_keys, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Configuration", "Row", "Stray", "configuration"]

_IN_PRODUCTION = ("rate_limit", "refuse_common_passwords", "verified_invitees")


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One setting. A secret has no value, but says whether it is set."""

    name: str
    source: str
    value: Any = msgspec.UNSET
    is_set: bool | None = msgspec.field(name="set", default=None)
    given_as: str | None = msgspec.field(name="from", default=None)


class Stray(msgspec.Struct, frozen=True):
    """A name that is given and means nothing; `nearest` is what was probably meant."""

    name: str
    source: str
    nearest: str | None


class Configuration(msgspec.Struct, frozen=True):
    settings: list[Row]
    unknown: list[Stray]


def configuration(environment: Mapping[str, str], **given: Any) -> Configuration:
    """All settings as a server would have them; `given` are those of the command line.

    Raises StartupError with the remedy when a value is wrong.
    """
    given = {name: value for name, value in given.items() if value is not None}
    settings = read_settings(**given)
    said = {"command line": given, **set_by()}
    rows = [_row(path, value, said) for path, value in _values(settings)]
    return Configuration(rows, list(_strays(environment, said["sessionwire.toml"])))


def _values(settings: Settings) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name in _IN_PRODUCTION:
            value = settings.strict(value)
        yield from _inside((name,), value)


def _inside(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A setting that nests is as many rows as it has members."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _inside((*path, name), getattr(value, name))
    elif isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
        for name, each in value.items():
            yield from _inside((*path, name), each)
    else:
        yield path, value


def _row(path: tuple[str, ...], value: Any, said: Mapping[str, Mapping[str, Any]]) -> Row:
    source = next((each for each, values in said.items() if _says(values, path)), "default")
    spelled = {
        "environment": PREFIX + "__".join(path).upper(),
        "secret file": PREFIX + "__".join(path).upper() + "_FILE",
        "command line": "--" + path[0].replace("_", "-"),
    }
    row = Row(".".join(path), source, given_as=spelled.get(source))
    if path == ("mongodb_uri",) and value is not None:
        return msgspec.structs.replace(row, value=masked_url(value.get_secret_value()), is_set=True)
    if path[-1] in (*Settings.secret_fields, "previous_secrets", "client_secret"):
        return msgspec.structs.replace(row, is_set=bool(value))
    return msgspec.structs.replace(row, value=_shown(value))


def _says(values: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def _shown(value: Any) -> Any:
    """As JSON holds it. A secret of whatever kind is never shown."""
    match value:
        case None | bool() | int() | float():
            return value
        case SecretStr():
            return "***"
        case dict():
            return {str(name): _shown(each) for name, each in value.items()}
        case tuple() | list():
            return [_shown(each) for each in value]
        case _:
            return masked_url(str(value))


def _strays(environment: Iterable[str], file: Iterable[str]) -> Iterator[Stray]:
    ours = sorted(each for each in environment if each.upper().startswith(PREFIX))
    for variable in unknown_variables(ours):
        yield Stray(variable, "environment", nearest(variable))
    for key in unknown_keys(file):
        yield Stray(key, "sessionwire.toml", nearest_key(key))
