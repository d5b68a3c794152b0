"""The one form under which an e-mail address identifies a user."""

from __future__ import annotations

import re

__all__ = ["canonical_email"]

_ADDRESS_LIMIT = 254
_LOCAL_LIMIT = 64
_ADDRESS = re.compile(
    r"(?!\.)(?!.*\.\.)[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}"
)


def canonical_email(text: str) -> str | None:
    """The address in lower case, or None for what is not one.

    ASCII only, which is what Unicode's normal forms leave alone: no character can be folded into
    another after the check, so two addresses that look alike are never one user (CVE-2026-73420).
    """
    if len(text) > _ADDRESS_LIMIT or text.find("@") > _LOCAL_LIMIT:
        return None
    return text.lower() if _ADDRESS.fullmatch(text) else None
