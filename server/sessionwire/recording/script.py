"""What one viewer was shown, as a script for the browser's mock; pure but for its player."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.reactive.identity import IDENTITY, Identity
from sessionwire.reactive.view import Answer, evaluate

if TYPE_CHECKING:
    from datetime import datetime

    from sessionwire.model import Viewer
    from sessionwire.reactive.view import Queries
    from sessionwire.recording.copy import Copy
    from sessionwire.recording.playing import Player
    from sessionwire.recording.stage import Stage

__all__ = ["QUERIES", "script_of"]

QUERIES = ("session", "user", "organizations", "organization", "devices")


def script_of(
    player: Player, stage: Stage, queries: Queries, viewer: Viewer
) -> list[dict[str, Any]]:
    """Steps: `{"show": {query: data}}`, `{"wait": milliseconds}`, and `{"bye": reason}` at last.

    It begins where the viewer's session does, and plays the player to the end.
    """
    player.begin()
    script = _Script(queries, viewer)
    script.note(stage.copy, player.recording.wall)
    for group in player:
        if script.over:
            break
        script.note(stage.copy, group.wall)
    return script.steps


class _Script:
    """What one viewer was shown so far, and when they were last shown something."""

    def __init__(self, queries: Queries, viewer: Viewer) -> None:
        self.steps: list[dict[str, Any]] = []
        self.over = False
        self._queries = queries
        self._viewer = viewer
        self._shown: dict[str, Any] = {}
        self._last: datetime | None = None

    def note(self, copy: Copy, wall: datetime | None) -> None:
        """Add what is new to the viewer at this moment."""
        ended = _ended(self._queries, self._viewer, copy)
        if ended is None:
            data = _data(self._queries, self._viewer, copy)
            news = {name: each for name, each in data.items() if self._is_news(name, each)}
            self._shown.update(news)
            if news:
                self._add({"show": news}, wall)
        elif self.steps:  # else the session has not begun yet
            self._add({"bye": ended}, wall)
            self.over = True

    def _is_news(self, name: str, data: Any) -> bool:
        return name not in self._shown or bool(self._shown[name] != data)

    def _add(self, step: dict[str, Any], wall: datetime | None) -> None:
        if wall is not None and self._last is not None:
            waited = round((wall - self._last).total_seconds() * 1000)
            self.steps += [{"wait": waited}] if waited > 0 else []
        self._last = wall or self._last
        self.steps.append(step)


def _ended(queries: Queries, viewer: Viewer, copy: Copy) -> str | None:
    outcome = evaluate(queries.named(IDENTITY), viewer, {}, copy).outcome
    value = outcome.value if isinstance(outcome, Answer) else None
    return value.ended if isinstance(value, Identity) else "revoked"


def _data(queries: Queries, viewer: Viewer, copy: Copy) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in QUERIES:
        outcome = evaluate(queries.named(name), viewer, {}, copy).outcome
        if isinstance(outcome, Answer):
            found[name] = msgspec.json.decode(outcome.encoded)
    return found
