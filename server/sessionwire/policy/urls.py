"""URLs as they may be shown: without the secrets that people put into them; pure."""

from __future__ import annotations

import re

__all__ = ["masked_url"]

_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;#]*(?:pass|secret|token|key|signature|credential|authmechanismproperties)"
    r"[^=&;#]*=)[^&;#]*",
    re.IGNORECASE,
)


def masked_url(url: str) -> str:
    """The URL with `***` for its password and for parameters that sound like a secret.

    It errs on the side of hiding: everything before the last `@` is the user and the password, for
    people who did not escape theirs, and a user without a password may be a token.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    credentials, at, place = rest.rpartition("@")
    if at:
        user, colon, _ = credentials.partition(":")
        place = f"{user}:***@{place}" if colon else f"***@{place}"
    shown = _SECRET_PARAMETER.sub(r"\1***", place)
    return f"{scheme}://{shown}"
