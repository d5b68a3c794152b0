"""What a `Cookie` header holds for a server with these settings; values stay inside."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.doctor.facts import CookieSeen
from sessionwire.policy.cookies import BetterAuthSigner, PurposeSigner, values_of

if TYPE_CHECKING:
    from typing import Literal

    from sessionwire.settings import Settings

__all__ = ["credential_in", "header_of", "look_at_cookie", "value_in"]

_PURPOSE = "session_token"
_HEADER = re.compile(r"\s*cookie\s*:", re.IGNORECASE)
_PAIR = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*=[^=]")
_OURS = re.compile(r"[A-Za-z0-9]{32}\.[A-Za-z0-9_-]{43}\Z")
_BETTER_AUTH = re.compile(r".+\.[A-Za-z0-9+/]{43}=\Z")


def header_of(given: str, settings: Settings) -> str:
    """The `Cookie` header that was meant: with its name in front, without, or one value only."""
    text = _HEADER.sub("", given.strip(), count=1).strip()
    if ";" in text or "session_token=" in text or _PAIR.match(text):
        return text
    return f"{cookies_of(settings).session_token}={text}" if text else ""


def look_at_cookie(header: str, settings: Settings) -> CookieSeen:
    """Read by the server's own rules."""
    cookies = cookies_of(settings)
    values = set(values_of(header, cookies.session_token))
    names = [part.partition("=")[0].strip() for part in header.split(";") if "=" in part]
    seen = CookieSeen(tuple(dict.fromkeys(names)), cookies.session_token, values=len(values))
    if len(values) != 1:
        return seen
    (value,) = values
    verified = cookies.token(header) is not None
    return CookieSeen(
        seen.names,
        seen.wanted,
        values=1,
        shape=bool(_OURS.match(value) or _BETTER_AUTH.match(unquote(value))),
        verified=verified,
        signer="" if verified else _signer(value, settings),
    )


def credential_in(header: str, settings: Settings) -> str | None:
    """Under which token MongoDB has the session; None for a cookie that is not well signed."""
    token = cookies_of(settings).token(header)
    return None if token is None else credential_of(token, compat=settings.compat)


def value_in(header: str, settings: Settings) -> str | None:
    """The session cookie's value, to be sent as a bearer."""
    found = values_of(header, cookies_of(settings).session_token)
    return found[0] if found else None


def _signer(
    value: str, settings: Settings
) -> Literal["", "development", "better-auth", "sessionwire"]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        secret = (settings.data_dir / "secret").read_text(encoding="ascii").strip()
        if PurposeSigner([secret]).verify(value, purpose=_PURPOSE) is not None:
            return "development"
    if settings.compat == "none":
        if BetterAuthSigner(settings.keys).verify(value, purpose=_PURPOSE) is not None:
            return "better-auth"
    elif PurposeSigner(settings.keys).verify(value, purpose=_PURPOSE) is not None:
        return "sessionwire"
    return ""
