"""The cookies of a browser: their names, their signed values, and the Set-Cookie lines."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, unquote

import itsdangerous

from sessionwire.model import Version, format_version, parse_version
from sessionwire.policy.lifetime import LIFETIME

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "VERSION_AGE",
    "BetterAuthSigner",
    "Cookies",
    "PurposeSigner",
    "Signer",
    "bearer",
    "plausible",
    "speaks_for_somebody",
    "values_of",
]

VERSION_AGE = 30
"""Seconds for which a browser remembers the version of its last write (P5)."""

_VERSION = ".version"
_HEADER_LIMIT = 16 * 1024
_VALUE_LIMIT = 4096  # RFC 6265 section 6.1: what a browser keeps of one cookie
_TOKEN = re.compile(r"[A-Za-z0-9]{32}\Z")
_SKEW = 60
_KNOWN = 4_096
"""Verified values that are remembered; the oldest one goes first."""
_STATE_AGE = {False: 600, True: 300}  # as long as a sign-in may take; better-auth's, in compat


class Signer(Protocol):
    """Makes a value of a text for one purpose, and gives the text back of a value it made."""

    def sign(self, text: str, *, purpose: str) -> str: ...

    def verify(self, value: str, *, purpose: str) -> str | None: ...


class PurposeSigner:
    """`<text>.<signature>`, with a key of its own for each purpose: no value serves two.

    The first key signs; all verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def sign(self, text: str, *, purpose: str) -> str:
        return self._signed(self._keys[0], text, purpose)

    def verify(self, value: str, *, purpose: str) -> str | None:
        """The text, or None for anything but the very value that `sign` makes of it."""
        text, dot, _ = value.rpartition(".")
        if not dot or not value.isascii():
            return None
        made = [self._signed(key, text, purpose) for key in self._keys]
        return text if any([hmac.compare_digest(value, each) for each in made]) else None

    def _signed(self, key: bytes, text: str, purpose: str) -> str:
        return _purpose_signer(key, purpose).sign(text).decode("ascii")


@functools.lru_cache(maxsize=64)
def _purpose_signer(key: bytes, purpose: str) -> itsdangerous.Signer:
    """With the purpose's own key, which is derived once: every request verifies a cookie."""
    derived = hmac.digest(key, f"sessionwire.{purpose}".encode(), "sha256")
    return itsdangerous.Signer(derived, key_derivation="none", digest_method=hashlib.sha256)


class BetterAuthSigner:
    """better-auth's value: `encodeURIComponent(text + "." + base64(HMAC-SHA256(secret, text)))`.

    It knows no purposes: a signed `dont_remember` is told from a session token by its text alone.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def sign(self, text: str, *, purpose: str) -> str:
        return quote(f"{text}.{self._signature(self._keys[0], text)}", safe="!'()*-._~")

    def verify(self, value: str, *, purpose: str) -> str | None:
        """The text, or None; a raw value is taken like an encoded one, as better-auth does."""
        if "%" in value:
            value = unquote(value)
        text, _, given = value.rpartition(".")
        if not text or not value.isascii():
            return None
        made = [self._signature(key, text) for key in self._keys]
        return text if any([hmac.compare_digest(given, each) for each in made]) else None

    def _signature(self, key: bytes, text: str) -> str:
        return base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode("ascii")


class Cookies:
    """What this server's cookies are called, and how each is read and written.

    A value that is malformed, forged, oversized or given twice with different texts reads as
    absent; nothing here raises for what a browser sent.
    """

    def __init__(self, *, prefix: str, secure: bool, compat: bool, signer: Signer) -> None:
        shield = ("__Secure-" if compat else "__Host-") if secure else ""
        self.session_token = f"{shield}{prefix}.session_token"
        self.session_data = f"{shield}{prefix}.session_data"
        self.dont_remember = f"{shield}{prefix}.dont_remember"
        self.version = f"{shield}{prefix}{_VERSION}"
        self.sign_in_state = f"{shield}{prefix}.state"
        self._attributes = f"Path=/; HttpOnly; {'Secure; ' if secure else ''}SameSite=Lax"
        self._compat = compat
        self._signer = signer
        self._known: dict[str, str] = {}
        """Values whose signature is right: to find that out is a fifth of a session read."""

    # Reading

    def token(self, header: str | None) -> str | None:
        """The session's token that a `Cookie` header carries."""
        value = self._value(header, self.session_token)
        return None if value is None else self.token_in(value)

    def token_in(self, value: str) -> str | None:
        """The session's token inside the session cookie's value."""
        known = self._known.get(value)
        if known is not None:
            return known
        if len(value) > _VALUE_LIMIT or not value.isascii():
            return None
        token = self._signer.verify(value, purpose="session_token")
        if token is None or not (self._compat or _TOKEN.match(token)):
            return None
        if len(self._known) >= _KNOWN:
            del self._known[next(iter(self._known))]
        self._known[value] = token
        return token

    def remembered(self, header: str | None) -> bool:
        """Whether the browser holds no well-signed `dont_remember`."""
        value = self._value(header, self.dont_remember)
        return value is None or self._signer.verify(value, purpose="dont_remember") != "true"

    def seen(self, header: str | None, *, now: float) -> Version:
        """The newest version that the browser has seen; 0 when it says none that can be."""
        value = self._value(header, self.version)
        return Version(0) if value is None else plausible(value, now=now)

    def state_in(self, header: str | None) -> str | None:
        """The state of the sign-in that this browser began at a provider."""
        value = self._value(header, self.sign_in_state)
        return None if value is None else self._signer.verify(value, purpose="state")

    def _value(self, header: str | None, name: str) -> str | None:
        found = values_of(header, name)
        return found[0] if len(set(found)) == 1 else None

    # Writing

    def session(self, token: str, *, remember: bool) -> list[str]:
        """The lines that sign a browser in; without `remember` until it is closed."""
        value = self._signer.sign(token, purpose="session_token")
        if remember:
            age = int(LIFETIME.total_seconds())
            return [f"{self.session_token}={value}; Max-Age={age}; {self._attributes}"]
        marker = self._signer.sign("true", purpose="dont_remember")
        return [
            f"{self.session_token}={value}; {self._attributes}",
            f"{self.dont_remember}={marker}; {self._attributes}",
        ]

    def deletion(self) -> list[str]:
        """The lines that sign a browser out."""
        names = [self.session_token, self.session_data, self.dont_remember]
        if not self._compat:
            names.remove(self.session_data)  # only better-auth ever set it
        return [f"{name}=; Max-Age=0; {self._attributes}" for name in names]

    def state(self, state: str) -> list[str]:
        """The lines that bind a sign-in at a provider to this browser; one at a time."""
        value = self._signer.sign(state, purpose="state")
        age = _STATE_AGE[self._compat]
        return [f"{self.sign_in_state}={value}; Max-Age={age}; {self._attributes}"]

    def state_deletion(self) -> list[str]:
        return [f"{self.sign_in_state}=; Max-Age=0; {self._attributes}"]

    def written(self, version: Version) -> str:
        """The line by which the next read, on whichever process, waits for this write (P5)."""
        value = format_version(version)
        return f"{self.version}={value}; Max-Age={VERSION_AGE}; {self._attributes}"


def plausible(text: str, *, now: float) -> Version:
    """The version that a peer says it has seen; 0 for garbage and for a moment yet to come."""
    try:
        version = parse_version(text)
    except ValueError:
        return Version(0)
    return version if version >> 32 <= now + _SKEW else Version(0)


def speaks_for_somebody(header: str | None) -> bool:
    """Whether a `Cookie` header holds more than the version of its sender's last write.

    Whoever was given only that is nobody yet: a program that asked for a letter, or signed out.
    """
    if header is None:
        return False
    names = [part.partition("=")[0].strip(" \t") for part in header.split(";")]
    return not all(name.endswith(_VERSION) for name in names)


def values_of(header: str | None, name: str) -> list[str]:
    """Every value of this name in a `Cookie` header, as sent, without the quotes around it."""
    if header is None or len(header) > _HEADER_LIMIT or name not in header:
        return []
    found = []
    for part in header.split(";"):
        key, equals, value = part.strip(" \t").partition("=")
        if equals and key == name:
            if len(value) >= 2 and value[0] == value[-1] == '"':
                value = value[1:-1]
            found.append(value if value.isascii() and len(value) <= _VALUE_LIMIT else "")
    return found


def bearer(authorization: str | None) -> str | None:
    """The value behind `Bearer` (RFC 6750), or None; never raises."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None
