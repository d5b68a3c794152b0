"""Names of variables, and of lines in `sessionwire.toml`, that mean nothing; what was meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from sessionwire.policy.limits import Limits
from sessionwire.policy.providers import Provider
from sessionwire.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PREFIX", "nearest", "nearest_key", "unknown_keys", "unknown_variables"]

PREFIX = "SESSIONWIRE_"
_BESIDE = ("MONGOD", "DEMO", "LOG_LEVEL", "LOG_FORMAT")
"""Variables that are read, and are no settings."""
_ALIKE = 0.75
"""How much of two names must be the same for one to be taken for the other."""


def unknown_variables(variables: Iterable[str]) -> list[str]:
    """Those that begin with our prefix and are read by nobody."""
    return [each for each in variables if not _is_known(each.upper().removeprefix(PREFIX))]


def unknown_keys(keys: Iterable[str]) -> list[str]:
    """Top-level names of the file that name no setting."""
    return [each for each in keys if each.lower() not in Settings.model_fields]


def nearest(name: str) -> str | None:
    """The known variable that looks most like this one; None when none does."""
    wanted = name.upper().removeprefix(PREFIX)
    names = [each.upper() for each in Settings.model_fields]
    names += [f"{each.upper()}_FILE" for each in Settings.secret_fields]
    names += [f"LIMITS__{each.upper()}" for each in Limits.model_fields]
    names += [f"OIDC__ID__{each.upper()}" for each in Provider.model_fields]
    names += _BESIDE
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=_ALIKE)
    return f"{PREFIX}{close[0]}" if close else None


def nearest_key(key: str) -> str | None:
    """The setting that looks most like this line of the file; None when none does."""
    close = difflib.get_close_matches(key.lower(), Settings.model_fields, n=1, cutoff=_ALIKE)
    return close[0] if close else None


def _is_known(name: str) -> bool:
    first, nested, rest = name.partition("__")
    if nested:
        return _is_known_inside(first, rest)
    secrets = [each.upper() for each in Settings.secret_fields]
    if name.endswith("_FILE") and name.removesuffix("_FILE") in secrets:
        return True
    return name.lower() in Settings.model_fields or name in _BESIDE


def _is_known_inside(first: str, rest: str) -> bool:
    match first:
        case "LIMITS":
            return rest.lower() in Limits.model_fields
        case "OIDC":
            parts = rest.split("__")
            return len(parts) > 1 and parts[1].lower() in Provider.model_fields
        case "USER_MODEL":
            return True
    return False
