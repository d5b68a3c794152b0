"""Which passwords are taken: length only, no rules about what is in them."""

from __future__ import annotations

from enum import Enum

__all__ = ["MAXIMUM", "MINIMUM", "PasswordFault", "fault_of", "is_too_long"]

MINIMUM = 8
MAXIMUM = 128
"""In characters, both."""
_BYTES = 1024


class PasswordFault(Enum):
    TOO_SHORT = "PASSWORD_TOO_SHORT"
    TOO_LONG = "PASSWORD_TOO_LONG"


def fault_of(password: str) -> PasswordFault | None:
    """What is wrong with a new password; it is kept exactly as typed otherwise."""
    if len(password) < MINIMUM:
        return PasswordFault.TOO_SHORT
    return PasswordFault.TOO_LONG if is_too_long(password) else None


def is_too_long(password: str) -> bool:
    """Whether it is refused before anything is hashed, at sign-in as well."""
    return len(password) > MAXIMUM or len(password.encode(errors="surrogatepass")) > _BYTES
