"""Answers to session reads that hold: whoever asks the same again gets them without a request.

What an answer says depends on the request's own words, on the session as the hub knows it, and on
the clock. While none of the three is another one, neither is the answer, but for the version that
it is exact at (docs/decisions/0022-answers-that-hold.md).
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sessionwire.auth.reading import CLAIMING, VERSION_HEADER
from sessionwire.model import NEVER, Version, Viewer, format_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from sessionwire.auth.clock import Clock
    from sessionwire.exchange.call import Holding
    from sessionwire.reactive.hub import Hub

__all__ = ["Held", "HeldAnswers"]

_ADDRESS = b"/api/auth/get-session"
_CAPACITY = 4_096
_SIZE = 4_096
"""Bytes of the deciding headers: with more of them, an answer is not worth keeping."""
_DECIDING = frozenset(name.encode() for name in (*CLAIMING, "host", "if-none-match"))
"""The headers that decide an answer; all others say who asks, or how."""
_VERSION = VERSION_HEADER.encode()


class Held(msgspec.Struct, frozen=True):
    """One answer, ready to be written; between its parts is room for what differs each time."""

    viewer: Viewer
    changed_at: Version
    until: datetime
    status: int
    headers: bytes
    """All but the version's, the request's id and the web server's own."""
    body: bytes


class HeldAnswers:
    """The newest answers of one server, each under the words that it answers.

    It makes no answer: `keep` is given those that were made the usual way.
    """

    route = _ADDRESS.decode()

    def __init__(self, hub: Hub, *, clock: Clock, capacity: int = _CAPACITY) -> None:
        self._hub = hub
        self._clock = clock
        self._capacity = capacity
        self._kept: OrderedDict[tuple[bytes, ...], Held] = OrderedDict()

    def keep(
        self,
        address: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        response: Response,
        holding: Holding,
    ) -> None:
        """Keep an answer to these words for as long as it holds."""
        key = _key(headers)
        if address != _ADDRESS or sum(map(len, key)) > _SIZE:
            return
        if holding.since == NEVER and _names_a_version(key):
            return  # it named one that cannot be yet, and may be by the next time
        said = [each for each in response.raw_headers if each[0] != _VERSION]
        held = Held(
            holding.viewer,
            holding.changed_at,
            holding.until,
            response.status_code,
            b"".join([b"%b: %b\r\n" % each for each in said]),
            bytes(response.body),
        )
        self._kept[key] = held
        self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def find(self, address: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Held | None:
        """The answer that holds now, if one was kept; it is exact at `version`."""
        if address != _ADDRESS:
            return None
        held, hub = self._kept.get(_key(headers)), self._hub
        if held is None or not hub.live or self._clock() >= held.until:
            return None
        watch = hub.known("session", held.viewer)
        if watch is None or not watch.resolved or watch.result is None:
            return None
        return held if watch.result.changed_at == held.changed_at else None

    @property
    def version(self) -> bytes:
        """The header that says what an answer that is given now is exact at."""
        return b"%b: %b\r\n" % (_VERSION, format_version(self._hub.position).encode())


def _key(headers: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, ...]:
    return tuple([word for pair in headers if pair[0] in _DECIDING for word in pair])


def _names_a_version(key: tuple[bytes, ...]) -> bool:
    return _VERSION in key or any(b".version=" in each for each in key)
