"""Plays a recording on a stage: group after group, each when its time has come."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import structs

from sessionwire.model import Document, Version
from sessionwire.reactive.change import Change, Delete, DocumentKey, Group, Put, Update
from sessionwire.reactive.identity import tombstone_id
from sessionwire.recording.pseudonyms import label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionwire.recording.stage import Stage
    from sessionwire.recording.tape import Recording

__all__ = ["Player", "Viewer", "viewers_of"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """One recorded session; `token` is what its cookie holds."""

    label: str
    token: str
    user_id: str
    name: str
    email: str
    after: float
    """Seconds from the beginning until there is the session."""


def viewers_of(recording: Recording) -> list[Viewer]:
    """Every session of the recording, in the order in which they appear."""
    users: dict[str, Document] = {}
    found: dict[str, Viewer] = {}

    def note(collection: str, document: Document, after: float) -> None:
        if collection == "user":
            users[str(document["_id"])] = document
        token = document.get("token")
        if collection == "session" and isinstance(token, str) and token not in found:
            user = str(document.get("userId"))
            found[token] = Viewer(label_of(token), token, user, "", "", after)

    for collection, document in recording.documents:
        note(collection, document, 0.0)
    for group in recording.groups:
        after = 0.0 if group.wall is None else (group.wall - recording.wall).total_seconds()
        for change in group.changes:
            if isinstance(change, Put):
                note(change.key.collection, change.document, max(0.0, after))
    return [_named(each, users.get(each.user_id, {})) for each in found.values()]


def _named(viewer: Viewer, user: Document) -> Viewer:
    return replace(viewer, name=str(user.get("name", "")), email=str(user.get("email", "")))


class Player:
    """Plays on the stage; `credential` is what MongoDB keeps of a session's token.

    A recording is moved to the present, unless it is to `keep_dates`: then sessions that have
    expired since are expired.
    """

    def __init__(
        self,
        recording: Recording,
        stage: Stage,
        *,
        credential: Callable[[str], str],
        keep_dates: bool = False,
        now: datetime | None = None,
    ) -> None:
        age = ((now or datetime.now(UTC)) - recording.wall).total_seconds()
        self.recording = recording if keep_dates else recording.shifted(math.ceil(age))
        self._stage = stage
        self._credential = credential
        self._next = 0

    def begin(self) -> None:
        """Set the stage: everything is as it was when recording began."""
        recording = self.recording
        documents = ((name, self._revived(name, each)) for name, each in recording.documents)
        self._stage.begin_anew(list(documents), recording.version)
        self._next = 0

    @property
    def upcoming(self) -> Group | None:
        """The next group, None at the end."""
        groups = self.recording.groups
        return groups[self._next] if self._next < len(groups) else None

    def step(self) -> Group | None:
        """Play the next group, and give it; None at the end."""
        group = self.upcoming
        if group is not None:
            self._next += 1
            changes = (self._change(each) for each in group.changes)
            version = max(group.version, Version(self._stage.copy.version + 1))
            self._stage.commit(*changes, version=version)
        return group

    def __iter__(self) -> Iterator[Group]:
        while (group := self.step()) is not None:
            yield group

    async def play(self, *, speed: float = 1.0) -> None:
        """To the end, at the recorded pace times `speed`."""
        began, loop = self.recording.wall, asyncio.get_running_loop()
        start = loop.time()
        while (group := self.upcoming) is not None:
            due = 0.0 if group.wall is None else (group.wall - began).total_seconds() / speed
            await asyncio.sleep(max(0.0, start + due - loop.time()))
            self.step()
        rest = self.recording.duration.total_seconds() / speed
        await asyncio.sleep(max(0.0, start + rest - loop.time()))

    def again(self) -> None:
        """Begin once more, later than everything that was shown: versions never go down (P3)."""
        behind = (self._stage.copy.version - self.recording.version) >> 32
        self.recording = self.recording.shifted(int(behind) + 1)
        self.begin()

    # Credentials

    def _change(self, change: Change) -> Change:
        match change:
            case Put(key, document):
                document = self._revived(key.collection, document)
                return structs.replace(change, key=_key(key, document["_id"]), document=document)
            case Update(key, updated):
                revived = self._revived(key.collection, {**updated, "_id": key.id})
                id = revived.pop("_id")
                return structs.replace(change, key=_key(key, id), updated=revived)
            case Delete(key):
                return Delete(_key(key, self._revived(key.collection, {"_id": key.id})["_id"]))
            case _:
                return change

    def _revived(self, collection: str, document: Document) -> dict[str, Any]:
        """With what a database keeps in the place of tokens."""
        revived = dict(document)
        if collection == "session" and isinstance(document.get("token"), str):
            revived["token"] = self._credential(document["token"])
        if collection == "sessionEnd":
            revived["_id"] = tombstone_id(self._credential(str(document["_id"])))
        return revived


def _key(key: DocumentKey, id: Any) -> DocumentKey:
    return DocumentKey(key.collection, id)
