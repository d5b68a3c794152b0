"""What was seen of the settings, the machine and the public address: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Answered",
    "ClockRead",
    "CookieSeen",
    "Fetched",
    "FileSeen",
    "LiveSeen",
    "MachineSeen",
    "MongodSeen",
    "RouteSeen",
    "SettingsSeen",
    "WebSeen",
]

Faults = Literal["dns", "refused", "timeout", "certificate", "other"]


@dataclass(frozen=True, slots=True)
class FileSeen:
    """`sessionwire.toml`, if there is one. `fault`: why it cannot be read."""

    path: str
    fault: str | None = None
    keys: tuple[str, ...] = ()
    holds_secret: bool = False
    mode: int = 0


@dataclass(frozen=True, slots=True)
class SettingsSeen:
    """`variables` are the names that begin with SESSIONWIRE_; never their values.

    `invalid` and `refused` are (what is wrong, what to do); with `invalid` there are no settings.
    """

    variables: tuple[str, ...]
    file: FileSeen | None = None
    invalid: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    secret: Literal["given", "kept", "unmade"] = "given"
    secret_mode: int | None = None
    """Permissions of the file that keeps it."""
    secret_bits: float = 0.0
    """How hard it is to guess, as its characters tell; 0 when it is not known."""


@dataclass(frozen=True, slots=True)
class MachineSeen:
    python: tuple[int, int, int]
    libraries: tuple[tuple[str, str], ...]
    """(name, installed version)."""
    open_files: int
    open_files_hard: int
    somaxconn: int | None
    free_bytes: int | None = None
    """Where the embedded MongoDB keeps its data."""


@dataclass(frozen=True, slots=True)
class MongodSeen:
    """The program of the embedded MongoDB. `fault` is (what is wrong, what to do)."""

    path: str = ""
    fault: tuple[str, str] | None = None
    missing: tuple[str, ...] = ()
    """Libraries that the loader does not find."""
    libraries: tuple[str, ...] = ()
    """Those of libcurl and OpenSSL that it does."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One HTTP answer; names of headers in lower case, `set_cookies` the lines as they came."""

    status: int
    headers: dict[str, str]
    body: bytes
    milliseconds: float
    set_cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A request's answer, or why there is none."""

    url: str
    answer: Answered | None = None
    fault: Faults | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class ClockRead:
    """The server's `Date` minus our clock, in seconds; it has whole seconds only."""

    offset: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class WebSeen:
    """What the public address answered to somebody without a cookie."""

    url: str
    given: bool
    """Whether it was asked for; else it is base_url."""
    ok: Fetched
    plain: Fetched | None = None
    """The same address over http; None when it is http itself, or on a port of its own."""
    first: Fetched | None = None
    """A session read, and the same again more than a second later."""
    second: Fetched | None = None
    sign_out: Fetched | None = None
    """Which deletes cookies that are not there."""
    poll: Fetched | None = None
    held: Fetched | None = None
    """A poll that waits, with --idle."""
    clock: ClockRead | None = None


@dataclass(frozen=True, slots=True)
class LiveSeen:
    """One handshake, and what came after it."""

    url: str
    origin: str | None
    status: int | None = None
    """Of a refusal; None when it was upgraded, or nothing answered."""
    code: str = ""
    """Of a refusal in the server's words."""
    server: str = ""
    """What calls itself the server of a refusal."""
    fault: str = ""
    """What else went wrong."""
    subprotocol: str | None = None
    hello: bool = False
    round_trip_ms: float | None = None
    idle_seconds: float | None = None
    """How long it was watched without a word."""
    cut_after: float | None = None
    cut_code: int | None = None
    live: bool | None = None
    """What a status frame said."""
    pending: bool = False
    update: bool = False
    error: str = ""
    """The code of the result's error."""
    user_id: str | None = None
    """Of the session that was shown."""
    bye: str = ""

    @property
    def upgraded(self) -> bool:
        return self.status is None and not self.fault


@dataclass(frozen=True, slots=True)
class CookieSeen:
    """What a `Cookie` header holds, as the server's own rules read it; no values."""

    names: tuple[str, ...]
    wanted: str
    """The name that the server looks for."""
    values: int = 0
    """How many different values it has."""
    shape: bool = True
    """Whether it looks like text and signature."""
    verified: bool = False
    signer: Literal["", "development", "better-auth", "sessionwire"] = ""
    """Who signed it instead, as far as one can tell."""


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """The application's own route, asked with the cookie and without."""

    path: str
    with_cookie: Fetched
    without: Fetched
