"""The settings that `serve` would use here, and what is wrong with where they come from."""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from sessionwire.doctor.facts import FileSeen, SettingsSeen
from sessionwire.errors import StartupError
from sessionwire.settings import Settings
from sessionwire.startup import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["look_at_given", "look_at_settings", "strength"]

_FILE = "sessionwire.toml"
_PREFIX = "SESSIONWIRE_"
_LONGEST_GUESSED = 72


def look_at_settings(
    environment: Mapping[str, str] = os.environ, **given: Any
) -> tuple[Settings | None, SettingsSeen]:
    """The settings, complete with a secret, and what was seen; None when they cannot be read.

    Where development would make a secret, there is one that signed nothing, and nothing is written.
    """
    variables = tuple(sorted(each for each in environment if each.upper().startswith(_PREFIX)))
    seen = SettingsSeen(variables, _file())
    if seen.file is not None and seen.file.fault is not None:
        return None, seen
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        return None, replace(seen, invalid=tuple(_said(each) for each in error.errors()))
    except StartupError as error:
        return None, replace(seen, invalid=((error.message, error.remedy),))
    return _completed(settings, seen)


def look_at_given(settings: Settings, seen: SettingsSeen) -> SettingsSeen:
    """What was seen of the environment, for settings that came from a program instead."""
    assert settings.secret is not None
    bits = strength(settings.secret.get_secret_value())
    return replace(seen, invalid=(), refused=(), secret="given", secret_mode=None, secret_bits=bits)


def strength(secret: str) -> float:
    """Bits that it takes to guess, as its characters tell; words count for less than noise."""
    # Here, because its lists take 15 MiB, and `serve` imports this module, too.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]

    return float(zxcvbn(secret[:_LONGEST_GUESSED])["guesses_log10"]) / 0.30103


def _completed(settings: Settings, seen: SettingsSeen) -> tuple[Settings, SettingsSeen]:
    refused = tuple((each.message, each.remedy) for each in refusals(settings))
    seen = replace(seen, refused=refused)
    if settings.secret is not None:
        return settings, replace(seen, secret_bits=strength(settings.secret.get_secret_value()))
    if settings.environment == "production":
        return _with_secret(settings, secrets.token_urlsafe(48)), seen
    try:
        kept = _kept(settings.data_dir / "secret")
    except (OSError, UnicodeDecodeError) as error:
        said = f"The secret that {settings.data_dir} keeps cannot be read: {error}."
        trouble = (said, "Give the file to the user that runs serve.")
        return _with_secret(settings, secrets.token_urlsafe(48)), replace(seen, refused=(trouble,))
    if kept is None:
        return _with_secret(settings, secrets.token_urlsafe(48)), replace(seen, secret="unmade")
    settings = _with_secret(settings, kept[0])
    refused = tuple((each.message, each.remedy) for each in refusals(settings))
    return settings, replace(seen, refused=refused, secret="kept", secret_mode=kept[1])


def _with_secret(settings: Settings, secret: str) -> Settings:
    return settings.model_copy(update={"secret": SecretStr(secret)})


def _kept(path: Path) -> tuple[str, int] | None:
    """The development secret and the permissions of its file. Raises OSError."""
    if not path.is_file():
        return None
    return path.read_text(encoding="ascii").strip(), path.stat().st_mode & 0o777


def _said(error: Any) -> tuple[str, str]:
    name = "__".join(str(part) for part in error["loc"]).upper()
    return f"{_PREFIX}{name}: {error['msg']}.", "Correct this setting (docs/settings.md)."


def _file() -> FileSeen | None:
    path = Path(_FILE)
    if not path.exists():
        return None
    try:
        lines = tomllib.loads(path.read_text(encoding="utf-8"))
        mode = path.stat().st_mode & 0o777
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return FileSeen(_FILE, fault=" ".join(str(error).split()))
    secret = any(each in lines for each in (*Settings.secret_fields, "previous_secrets"))
    return FileSeen(_FILE, keys=tuple(lines), holds_secret=secret, mode=mode)
