"""Which fields of its documents an application may show to their owner, by name."""

from __future__ import annotations

import re

from sessionwire.errors import StartupError

__all__ = ["fault_of", "refuse_unfit"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset({"hash", "salt", "otp", "totp", "pin", "pwd", "cvv", "ssn"})
_SECRET_PARTS = (
    "password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "privatekey",
    "backupcode", "recoverycode",
)  # fmt: skip
_OURS = frozenset({"id", "userId", "onboardedAt", "revision", "tombstone", "keys"})


def fault_of(name: str, *, taken: frozenset[str] = frozenset()) -> str | None:
    """Why the field cannot be shown, in a few words; None when it can.

    `taken` are the names that mean something already.
    """
    if _NAME.match(name) is None:
        return "is not a name of letters, digits and _"
    if name in _OURS or name in taken:
        return "has a meaning of its own"
    plain = name.replace("_", "").lower()
    words = {each.lower() for each in _WORD.findall(name)}
    if words & _SECRET_WORDS or any(part in plain for part in _SECRET_PARTS):
        return "sounds like a secret"
    return None


def refuse_unfit(setting: str, names: tuple[str, ...], *, taken: frozenset[str]) -> None:
    """Raises StartupError for a field that cannot be shown, or that is named twice."""
    for name in names:
        fault = fault_of(name, taken=taken)
        if fault is None and names.count(name) > 1:
            fault = "is named twice"
        if fault is not None:
            raise StartupError(
                f"SESSIONWIRE_{setting}: {name!r} {fault}.",
                remedy="Leave it out, or keep what may be shown in a field of another name.",
            )
