"""What one viewer was shown, as a script for the browser's mock; pure but for its player."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sessionwire.reactive.identity import IDENTITY, Identity
from sessionwire.reactive.view import Answer, evaluate

if TYPE_CHECKING:
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
    steps: list[dict[str, Any]] = []
    shown: dict[str, Any] = {}
    last = player.recording.wall
    began = False
    group = None
    while True:
        copy = stage.copy
        ended = _ended(queries, viewer, copy)
        if ended is None or began:
            data = {} if ended else _data(queries, viewer, copy)
            news = {name: each for name, each in data.items() if shown.get(name, _UNSEEN) != each}
            if (news or ended) and began and group is not None and group.wall is not None:
                waited = round((group.wall - last).total_seconds() * 1000)
                steps += [{"wait": waited}] if waited > 0 else []
            if (news or ended) and group is not None and group.wall is not None:
                last = group.wall
            if ended:
                return [*steps, {"bye": ended}]
            if news:
                steps.append({"show": news})
            shown.update(news)
            began = True
        group = player.step()
        if group is None:
            return steps


_UNSEEN = object()


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
