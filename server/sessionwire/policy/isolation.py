"""Which requests of other sites' pages a resource answers, by what browsers say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionwire.policy.origins import Fetch, Origins

__all__ = ["may_fetch"]


def may_fetch(fetch: Fetch, origins: Origins, *, reads: bool) -> bool:
    """Whether `Sec-Fetch-*` (W3C Fetch Metadata) speak of one of our own or trusted pages.

    `reads` is true of GET and HEAD: those may also be typed, or followed as a link from elsewhere,
    into a tab but not into a frame. A sender of no such headers is no browser of today; what it
    may do is for the Origin to say.
    """
    if fetch.site in (None, "same-origin"):
        return True
    if reads and fetch.site == "none":
        return True
    if reads and fetch.mode == "navigate" and fetch.dest == "document":
        return True
    if fetch.site not in ("same-site", "cross-site") or fetch.origin is None:
        return False
    return fetch.origin != origins.own and origins.trusts(fetch.origin)
