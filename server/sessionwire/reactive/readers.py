"""Which watches read which key; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.reactive.change import Key
    from sessionwire.reactive.outbox import Watch
    from sessionwire.reactive.view import Edit

__all__ = ["Readers"]

_FEW = 4


class Readers:
    """The readers of each key that has any.

    Nearly all keys are read by the few watches of one viewer: a tuple of these takes a quarter of
    what a set would, five times for each connection.
    """

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[Key, tuple[Watch, ...] | set[Watch]] = {}

    def affected(self, keys: Iterable[Key], edit: Edit | None = None) -> dict[Watch, None]:
        """The watches that read one of the keys, each once; or that look at what was edited."""
        return {
            watch: None
            for key in keys
            for watch in self._of.get(key, ())
            if edit is None or watch.query.looks_at(key, edit.fields)
        }

    def add(self, key: Key, watch: Watch) -> None:
        """Once for each key that the watch reads."""
        held = self._of.get(key, ())
        if isinstance(held, set):
            held.add(watch)
        else:
            self._of[key] = (*held, watch) if len(held) < _FEW else {*held, watch}

    def remove(self, key: Key, watch: Watch) -> None:
        held = self._of[key]
        if isinstance(held, set):
            held.discard(watch)
        else:
            held = self._of[key] = tuple(each for each in held if each is not watch)
        if not held:
            del self._of[key]
