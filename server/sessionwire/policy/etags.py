"""Whether a browser holds what it asks for; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["holds"]


def holds(stated: Iterable[str], etag: str) -> bool:
    """Whether these `If-None-Match` headers name it: RFC 9110, section 13.1.2, weak comparison."""
    held = {each.strip().removeprefix("W/") for each in ",".join(stated).split(",")}
    return "*" in held or etag in held
