"""Which origins' pages may use the API, and which requests a browser was tricked into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Fetch",
    "Origins",
    "Verdict",
    "is_safe_path",
    "is_safe_redirect",
    "judge_request",
    "judge_websocket",
]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABELS = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+\Z|localhost\Z")
_THIS_MACHINE = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?\Z")
_REDIRECT_LIMIT = 2048
_UNSAFE = re.compile(r"[\x00-\x20\\\x7f]|[^\x00-\x7f]")
_HIDDEN_SLASH = re.compile(r"%(?:25)*(?:2f|5c)", re.IGNORECASE)


class Verdict(Enum):
    """What becomes of a request; every value but ALLOWED is the code of a 403."""

    ALLOWED = "ALLOWED"
    INVALID_ORIGIN = "INVALID_ORIGIN"
    MISSING_OR_NULL_ORIGIN = "MISSING_OR_NULL_ORIGIN"
    CROSS_SITE_NAVIGATION = "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"


class Origins:
    """The server's own origin and those it trusts: scheme, host and port, letter by letter.

    `https://*.example.com` trusts every subdomain, never `https://example.com` itself; a pattern
    without a scheme has that of `base_url`. Raises ValueError for what names no origin, such as a
    bare `*`.
    """

    def __init__(
        self, base_url: str, trusted: Iterable[str] = (), *, any_port: bool = False
    ) -> None:
        """With `any_port` every page of this machine is trusted, for development."""
        self._any_port = any_port
        self.own = _canonical(base_url)
        scheme = self.own.partition(":")[0]
        given = [each if "://" in each else f"{scheme}://{each}" for each in trusted]
        self._exact = {self.own, *(_canonical(each) for each in given if "*" not in each)}
        self._wildcards = [_wildcard(each) for each in given if "*" in each]

    def trusts(self, origin: str) -> bool:
        """Whether an `Origin` header names one of them."""
        if origin in self._exact or any(each.match(origin) for each in self._wildcards):
            return True
        return self._any_port and _THIS_MACHINE.match(origin) is not None


def _canonical(url: str) -> str:
    """The origin of a configured URL as a browser writes it (RFC 6454, section 6.2)."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{url!r} is not an origin: write scheme://host[:port]")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not an origin: write scheme://host[:port]")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _wildcard(pattern: str) -> re.Pattern[str]:
    scheme, _, rest = pattern.partition("://")
    star, _, domain = rest.partition(".")
    host = domain.partition(":")[0]
    if star != "*" or "*" in domain or not _DOMAIN.match(host.lower()):
        raise ValueError(f"{pattern!r} is not a pattern: write scheme://*.example.com[:port]")
    origin = _canonical(f"{scheme}://{domain}")
    return re.compile(f"{scheme}://{_LABELS}{re.escape(origin.partition('://')[2])}\\Z")


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a browser says about where a request comes from; header values, None when not sent."""

    origin: str | None = None
    referer: str | None = None
    site: str | None = None
    mode: str | None = None
    dest: str | None = None
    cookie: bool = False
    """Whether it carries any cookie but the version of the last write, which speaks for nobody."""

    @property
    def source(self) -> str | None:
        """The origin it names, by `Origin` or else by `Referer`; None when it names none."""
        if self.origin is not None:
            return self.origin
        return None if self.referer is None else _origin_of(self.referer)

    @property
    def from_browser(self) -> bool:
        return any(each is not None for each in (self.site, self.mode, self.dest))


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return ""


def judge_request(fetch: Fetch, origins: Origins, *, login: bool) -> Verdict:
    """Whether a POST may go on; `login` for those that sign somebody in.

    Rows of better-auth's tables, made stricter: a named source must be trusted whether or
    not there is a cookie, and `Sec-Fetch-Site` must not contradict it.
    """
    if login and not fetch.cookie and fetch.site == "cross-site" and fetch.mode == "navigate":
        return Verdict.CROSS_SITE_NAVIGATION
    source = fetch.source
    if source is None:
        nobody = fetch.cookie or (login and fetch.from_browser)
        elsewhere = fetch.site not in (None, "same-origin")
        return Verdict.MISSING_OR_NULL_ORIGIN if nobody or elsewhere else Verdict.ALLOWED
    if source == "null":
        # A page with `Referrer-Policy: no-referrer` posts a form like this to its own origin.
        honest = fetch.site == "same-origin"
        return Verdict.ALLOWED if honest else Verdict.MISSING_OR_NULL_ORIGIN
    if not origins.trusts(source) or not _fits(fetch.site, own=source == origins.own):
        return Verdict.INVALID_ORIGIN
    return Verdict.ALLOWED


def _fits(site: str | None, *, own: bool) -> bool:
    """Whether `Sec-Fetch-Site` can be true of a trusted source."""
    if site in (None, "same-origin"):
        return True
    return not own and site in ("same-site", "cross-site")


def judge_websocket(origin: str | None, origins: Origins, *, cookie: bool) -> Verdict:
    """Whether a handshake may go on: a trusted Origin, or none and no cookie."""
    if origin is None:
        return Verdict.MISSING_OR_NULL_ORIGIN if cookie else Verdict.ALLOWED
    if origin == "null":
        return Verdict.MISSING_OR_NULL_ORIGIN
    return Verdict.ALLOWED if origins.trusts(origin) else Verdict.INVALID_ORIGIN


def is_safe_path(target: str) -> bool:
    """Whether a redirect to it stays on the same origin, whatever a browser makes of it."""
    if len(target) > _REDIRECT_LIMIT or not target.startswith("/") or _UNSAFE.search(target):
        return False
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    return "//" not in path and not _HIDDEN_SLASH.search(path)


def is_safe_redirect(target: str, origins: Origins) -> bool:
    """Whether it is a safe path, or an absolute URL of a trusted origin with a safe path."""
    if is_safe_path(target):
        return True
    if len(target) > _REDIRECT_LIMIT or _UNSAFE.search(target):
        return False
    origin = re.match(r"https?://[^/?#]+", target)
    if origin is None or not origins.trusts(origin[0]):
        return False
    rest = target[origin.end() :]
    return is_safe_path(rest if rest.startswith("/") else f"/{rest}")
