"""Records: follows the database as a server does, and writes down what may be told."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from sessionwire.errors import StartupError
from sessionwire.model import Document, Version, format_date, format_version
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Group, Put, Update
from sessionwire.recording.copy import Copy
from sessionwire.recording.excerpt import FIELDS, Excerpt
from sessionwire.recording.tape import Header, end_line, group_line, start
from sessionwire.release import __version__
from sessionwire.store.decode import decode_id, encode_id
from sessionwire.store.feed import Advanced, Feed, Lost, Opened
from sessionwire.store.load import Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessionwire.recording.pseudonyms import Pseudonyms
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["Progress", "Recorder"]

_MOST = 200_000
_AT_ONCE = tuple(name for name in FIELDS if name != "sessionEnd")
"""What is read at the beginning. A session that had ended by then is nobody's to replay."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording has come."""

    documents: int
    groups: int
    losses: int


class Recorder:
    """Writes one recording; `write` is given whole lines.

    It keeps the excerpts of all documents, so that what is written of an update is the new value
    of each field. Where the stream has lost history it writes everything anew, as one group.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        write: Callable[[bytes], None],
        *,
        pseudonyms: Pseudonyms,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._write = write
        self._tell = progress
        self._personal = pseudonyms.keep_personal
        self._loader = Loader(store)
        own = {"user": settings.user_fields, "session": settings.session_fields}
        self._excerpt = Excerpt(pseudonyms, own=own)
        self._copy: Copy | None = None
        self._progress = Progress(0, 0, 0)

    async def run(self) -> None:
        """Record until cancelled; `finish` then writes the end.

        Raises StartupError for a database that is too large, and Unavailable.
        """
        feed = Feed(self._store, FIELDS)
        async with contextlib.aclosing(feed.items()) as items:
            async for item in items:
                match item:
                    case Opened(version, resumed):
                        if not resumed or self._copy is None:
                            await self._begin(version)
                    case Advanced(groups):
                        for group in groups:
                            await self._take(group)
                    case Lost():
                        self._note(losses=self._progress.losses + 1)
                    case _:
                        assert_never(item)

    def finish(self) -> Progress:
        """The last line; nothing for a recording that did not begin."""
        if self._copy is not None:
            self._write(end_line(_now()))
        return self._progress

    async def _begin(self, version: Version) -> None:
        """Everything as of the version: the beginning, or what follows a gap."""
        fresh, before = Copy(version), self._copy
        for collection in _AT_ONCE:
            for document in await self._loader.find(collection, {}, version):
                shown = self._excerpt.document(collection, _decoded(document))
                if shown is not None:
                    fresh.put(collection, shown)
                    self._note(documents=self._progress.documents + 1)
            if self._progress.documents > _MOST:
                raise StartupError(
                    f"There are more than {_MOST:,} documents to begin with.",
                    remedy="Record a smaller database, such as a copy with some of its users.",
                )
        self._copy = fresh
        if before is None:
            for line in start(self._header(version), fresh):
                self._write(line)
        else:
            puts = (Put(DocumentKey(name, each["_id"]), each) for name, each in fresh)
            fresh.version = max(version, Version(before.version + 1))
            self._put_down(Group(fresh.version, (Dropped(None), *puts), _now()))
        self._tell(self._progress)

    def _header(self, version: Version) -> Header:
        settings = self._settings
        return Header(
            software=__version__,
            version=format_version(version),
            wall=format_date(_now()),
            personal="kept" if self._personal else "pseudonyms",
            active_organization=settings.active_organization,
            session_maximum_days=settings.session_maximum_days,
            user_fields=settings.user_fields,
            session_fields=settings.session_fields,
        )

    async def _take(self, group: Group) -> None:
        copy = self._copy
        assert copy is not None
        if group.version <= copy.version:
            return
        changes: list[Change] = []
        for change in group.changes:
            taken = await self._excerpted(change, group.version, copy)
            if taken is not None:
                # At once: a transaction may change one document twice.
                copy.apply_one(taken)
                changes.append(taken)
        copy.version = group.version
        self._put_down(Group(group.version, tuple(changes), group.wall or _now()))

    def _put_down(self, group: Group) -> None:
        self._write(group_line(group))
        self._note(groups=self._progress.groups + 1)

    async def _excerpted(self, change: Change, version: Version, copy: Copy) -> Change | None:
        if isinstance(change, Dropped):
            return change
        key = change.key
        id = self._excerpt.id(key.collection, key.id)
        if id is None or not self._excerpt.knows(key):
            return None
        shown = DocumentKey(key.collection, id)
        match change:
            case Put(_, document, inserted):
                return self._put(shown, {**document, "_id": key.id}, inserted=inserted)
            case Delete():
                return Delete(shown)
            case Update():
                held = copy.get(key.collection, id)
                after = None if held is None else self._excerpt.update(change, held)
                if held is None or after is None:
                    return await self._read_again(key, shown, version)
                return _difference(shown, held, after)
            case _:
                assert_never(change)

    def _put(self, shown: DocumentKey, document: Document, *, inserted: bool) -> Put | None:
        excerpt = self._excerpt.document(shown.collection, document)
        return None if excerpt is None else Put(shown, excerpt, inserted=inserted)

    async def _read_again(
        self, key: DocumentKey, shown: DocumentKey, version: Version
    ) -> Put | Delete | None:
        """What the document is as of the version: its update could not be applied."""
        wanted = {"_id": encode_id(key.id)}
        found = await self._loader.find(key.collection, wanted, version)
        for document in found:
            return self._put(shown, _decoded(document), inserted=False)
        return Delete(shown)

    def _note(self, **changed: Any) -> None:
        self._progress = replace(self._progress, **changed)
        self._tell(self._progress)


def _decoded(document: Document) -> Document:
    """With its `_id` as the change stream's events have it."""
    return {**document, "_id": decode_id(document["_id"])}


def _difference(key: DocumentKey, held: Document, after: Document) -> Update:
    changed: Iterable[str] = (
        name for name, value in after.items() if name not in held or held[name] != value
    )
    removed = tuple(name for name in held if name not in after)
    return Update(key, {name: after[name] for name in changed}, removed)


def _now() -> datetime:
    return datetime.now(UTC)
