"""Which `Host` headers name this server; no other use is made of that header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Hosts", "hosts_of"]

_HOST = re.compile(r"(\*\.)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\Z")
_LIMIT = 260  # a name of 253 characters, and a port
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Hosts:
    """The names of a server: `app.example.com`, `*.example.com` (its subdomains), `[::1]`.

    One without a port is that name with every port. None given: every name. Raises ValueError for
    what is no host.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = [_parsed(each) for each in allowed]

    def answers(self, host: str) -> bool:
        """Whether a `Host` header names this server."""
        found = _HOST.match(host) if len(host) <= _LIMIT else None
        if found is None or found[1]:
            return False
        name, port = found[2].lower().removesuffix("."), found[3]
        return not self._allowed or any(each.is_named(name, port) for each in self._allowed)


class _Pattern:
    __slots__ = ("_name", "_ports", "_subdomains")

    def __init__(self, name: str, *, subdomains: bool, ports: frozenset[str | None]) -> None:
        self._name = name
        self._subdomains = subdomains
        self._ports = ports

    def is_named(self, name: str, port: str | None) -> bool:
        if self._ports and port not in self._ports:
            return False
        if self._subdomains:
            return name.endswith(f".{self._name}") and len(name) > len(self._name) + 1
        return name == self._name


def _parsed(text: str) -> _Pattern:
    """`scheme://host` allows the scheme's own port, spelled out or not."""
    scheme, separated, rest = text.rpartition("://")
    found = _HOST.match(rest) if len(rest) <= _LIMIT else None
    if found is None or (separated and scheme not in _DEFAULT_PORTS):
        raise ValueError(f"{text!r} is no host: write app.example.com, *.example.com or [::1]:8000")
    ports: set[str | None] = {found[3]} if found[3] else set()
    if separated:
        default = _DEFAULT_PORTS[scheme]
        ports = {None, default} if found[3] in (None, default) else {found[3]}
    return _Pattern(found[2].lower(), subdomains=bool(found[1]), ports=frozenset(ports))


def hosts_of(
    allowed: Sequence[str], *, origins: Iterable[str], base_url: str, production: bool
) -> Hosts:
    """What was allowed; else in production the hosts of the server's own and trusted origins."""
    if allowed or not production:
        return Hosts(allowed)
    scheme = base_url.partition("://")[0]
    return Hosts(each if "://" in each else f"{scheme}://{each}" for each in origins)
