"""Finds the endpoint of a method and a path: letter by letter, not as a router would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionwire.exchange.call import Endpoint

__all__ = ["Endpoints"]

_NAME = re.compile(r"\\\{([a-z]+)\\\}")
_SEGMENT_LIMIT = 512


class Endpoints:
    """A trailing slash, a doubled one or another case is another path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._patterns: list[tuple[re.Pattern[str], Endpoint]] = []
        for each in endpoints:
            if "{" in each.path:
                self._patterns.append((_pattern(each.path), each))
            else:
                self._exact[each.method, each.path] = each

    @property
    def paths(self) -> list[str]:
        """Every path, as it is written in its endpoint."""
        return sorted({each for _, each in self._exact} | {each.path for _, each in self._patterns})

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """The endpoint, and what stands in the place of its path's names."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        for pattern, endpoint in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None and endpoint.method == method:
                return endpoint, found.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """By which methods the path can be asked; none for one that is unknown."""
        return [each for each in ("GET", "POST") if self.find(each, path) is not None]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(rf"(?P<\1>[^/]{{1,{_SEGMENT_LIMIT}}})", re.escape(path)))
