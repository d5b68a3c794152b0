"""One spelling for the address of a peer, and the network that it is counted by."""

from __future__ import annotations

import functools
import ipaddress

__all__ = ["canonical_address", "network_of"]

_ADDRESS_LIMIT = 64
_CUSTOMER = 64
"""The bits of an IPv6 address that a provider gives a customer: the rest they choose freely."""


def canonical_address(text: str) -> str:
    """The address as RFC 5952 writes it, IPv4 inside IPv6 as IPv4; empty for what is none."""
    return "" if len(text) > _ADDRESS_LIMIT else _canonical(text)


@functools.lru_cache(maxsize=1024)
def _canonical(text: str) -> str:
    """Remembered, as every request asks."""
    found = _parsed(text)
    return "" if found is None else str(found)


def network_of(text: str) -> str:
    """What stands for one peer: an IPv4 address, or the /64 of an IPv6 one (CVE-2026-45364).

    All that is no address is one peer.
    """
    found = _parsed(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _CUSTOMER), strict=False))
    return "unknown" if found is None else str(found)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if len(text) > _ADDRESS_LIMIT:
        return None
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
