"""A part of the database, exact at one position, that the change stream moves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from sessionwire.reactive.change import (
    Change,
    Delete,
    DocumentKey,
    Dropped,
    Group,
    Key,
    Put,
    SetKey,
    Update,
    comparable,
)
from sessionwire.reactive.delta import apply_update
from sessionwire.reactive.view import UNHELD, Unheld

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Set

    from sessionwire.model import Document, Id, Version

__all__ = ["Load", "Replica"]

_LOG_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Load:
    """What a snapshot read as of `version` found; `epoch` is the replica's when it was asked for.

    A set brings its documents along in `documents`. None means that no such document exists.
    """

    version: Version
    epoch: int
    documents: Mapping[DocumentKey, Document | None]
    sets: Mapping[SetKey, frozenset[Id]]


@dataclass(slots=True)
class _Awaited:
    asked_at: Version
    in_flight: bool = False


@dataclass(slots=True)
class _Field:
    """The held sets of one field, and in which of them each id is."""

    sets: dict[Hashable, set[Id]] = field(default_factory=dict)
    value_of: dict[Id, Hashable] = field(default_factory=dict)


class Replica:
    """Documents and sets of ids as of `position`.

    It is not a cache with a lifetime: what it holds is right until a change says otherwise, and a
    change that cannot be applied with certainty makes the key unheld, never wrong. It reads nothing
    itself: `take_needs` says what to load, and `supply` takes it in.
    """

    def __init__(self, *, idle_limit: int) -> None:
        self.position: Version | None = None
        self.epoch = 0
        self._idle_limit = idle_limit
        self._documents: dict[DocumentKey, Document | None] = {}
        self._fields: dict[str, dict[str, _Field]] = {}
        self._awaited: dict[Key, _Awaited] = {}
        self._log: dict[str, list[tuple[Version, Change]]] = {}
        self._watched: dict[Key, int] = {}
        self._idle: OrderedDict[Key, None] = OrderedDict()

    # Reading (view.Source)

    def document(self, key: DocumentKey) -> Document | None | Unheld:
        return self._documents.get(key, UNHELD)

    def ids(self, key: SetKey) -> Set[Id] | Unheld:
        held = self._set(key)
        return UNHELD if held is None else held

    def holds(self, key: Key) -> bool:
        if isinstance(key, DocumentKey):
            return key in self._documents
        return self._set(key) is not None

    def concerns(self, key: DocumentKey) -> bool:
        """Whether an update of the document could change, or decide, anything that is held.

        It could also move the document between held sets, or overtake a load.
        """
        collection = key.collection
        return (
            key in self._documents
            or bool(self._fields.get(collection))
            or (collection in self._log)
        )

    @property
    def size(self) -> int:
        """How many documents and sets are held."""
        sets = sum(len(f.sets) for fields in self._fields.values() for f in fields.values())
        return len(self._documents) + sets

    # Moving

    def restart(self, version: Version) -> None:
        """Nothing that was held can be trusted any more; begin again at this position."""
        self.position = version
        self.epoch += 1
        self._documents.clear()
        self._fields.clear()
        self._awaited.clear()
        self._log.clear()
        self._idle.clear()

    def advance(self, version: Version) -> None:
        """Nothing changed up to `version`."""
        if self.position is None or version > self.position:
            self.position = version

    def apply(self, group: Group) -> set[Key]:
        """Move to the group's position; the keys whose content changed or is not held any more.

        A group at or below the position was applied before, and does nothing.
        """
        if self.position is None or group.version <= self.position:
            return set()
        touched: set[Key] = set()
        for change in group.changes:
            self._apply(change, touched)
            self._record(group.version, change)
        self.position = group.version
        self._trim()
        return touched

    def _apply(self, change: Change, touched: set[Key]) -> None:
        if isinstance(change, Dropped):
            self._forget(change.collection, touched)
            return
        key = change.key
        joined = self._move_in_sets(change, touched)
        held = self._documents.get(key, UNHELD)
        if held is UNHELD:
            if joined and isinstance(change, Put):
                self._hold_document(key, change.document)
            return
        touched.add(key)
        after = _after(held, change)
        if after is UNHELD:
            self._unhold(key)
        else:
            self._documents[key] = after

    def _move_in_sets(self, change: Put | Update | Delete, touched: set[Key]) -> bool:
        """Keep every held set of the collection right; whether the document joined one."""
        joined = False
        key = change.key
        for name, index in self._fields.get(key.collection, {}).items():
            new = _field_after(change, name)
            if new is UNHELD:
                continue
            old = index.value_of.get(key.id)
            if old == new:
                continue
            if old is not None:
                index.sets[old].discard(key.id)
                del index.value_of[key.id]
                touched.add(SetKey(key.collection, name, old))
            if new is not None and new in index.sets:
                index.sets[new].add(key.id)
                index.value_of[key.id] = new
                touched.add(SetKey(key.collection, name, new))
                joined = True
        return joined

    def _forget(self, collection: str | None, touched: set[Key]) -> None:
        keys: list[Key] = [k for k in self._documents if collection in (None, k.collection)]
        for name, fields in self._fields.items():
            if collection in (None, name):
                keys += [SetKey(name, f, v) for f, index in fields.items() for v in index.sets]
        for key in keys:
            touched.add(key)
            self._unhold(key)

    # Needs

    def want(self, keys: Iterable[Key]) -> None:
        """Ask for what is not held, as of the present position or later."""
        assert self.position is not None
        for key in keys:
            if key not in self._awaited and not self.holds(key):
                self._awaited[key] = _Awaited(self.position)
                self._log.setdefault(key.collection, [])

    @property
    def wanting(self) -> bool:
        """Whether anything is asked for that has not come."""
        return bool(self._awaited)

    def take_needs(self, limit: int) -> list[Key]:
        """Up to `limit` keys to load now, in the order in which they were asked for."""
        needs = []
        for key, awaited in self._awaited.items():
            if not awaited.in_flight:
                awaited.in_flight = True
                needs.append(key)
                if len(needs) == limit:
                    break
        return needs

    def give_back(self, keys: Iterable[Key], *, epoch: int) -> None:
        """Their load failed: they are needed as before."""
        if epoch == self.epoch:
            for key in keys:
                if key in self._awaited:
                    self._awaited[key].in_flight = False

    def supply(self, load: Load) -> set[Key]:
        """Take in what a load found; the keys that are now held.

        What was read before it was asked for is refused, and stays needed: the changes in between
        were not kept, so nobody could say what it is now.
        """
        if load.epoch != self.epoch or self.position is None or load.version > self.position:
            return set()
        held: set[Key] = set()
        sets = {key: ids for key, ids in load.sets.items() if self._accepts(key, load)}
        along = {key.collection for key in sets}  # their logs reach back to the load
        for key, ids in sets.items():
            self._take_set(key, ids, load, held)
        for document_key, document in load.documents.items():
            if document_key in self._awaited:
                wanted = self._accepts(document_key, load)
            else:
                wanted = document_key.collection in along and document_key not in self._documents
            if wanted:
                self._take_document(document_key, document, load, held)
        self._prune_logs()
        self._trim()
        return held

    def _accepts(self, key: Key, load: Load) -> bool:
        awaited = self._awaited.get(key)
        if awaited is None:
            return False
        if load.version < awaited.asked_at:
            awaited.in_flight = False
            return False
        return True

    def _take_set(self, key: SetKey, ids: frozenset[Id], load: Load, held: set[Key]) -> None:
        del self._awaited[key]
        now = set(ids)
        for version, change in self._log[key.collection]:
            if version <= load.version:
                continue
            if isinstance(change, Dropped):
                self.want([key])
                return
            after = _field_after(change, key.field)
            if after is not UNHELD:
                (now.add if after == key.value else now.discard)(change.key.id)
        index = self._fields.setdefault(key.collection, {}).setdefault(key.field, _Field())
        index.sets[key.value] = now
        index.value_of.update(dict.fromkeys(now, key.value))
        held.add(key)
        self._rest(key)

    def _take_document(
        self, key: DocumentKey, document: Document | None, load: Load, held: set[Key]
    ) -> None:
        awaited = self._awaited.pop(key, None)
        now: Document | None | Unheld = document
        for version, change in self._log[key.collection]:
            if version > load.version and (isinstance(change, Dropped) or change.key == key):
                now = _after(now, change)
        if now is not UNHELD:
            self._hold_document(key, now)
            held.add(key)
        elif awaited is not None:
            self.want([key])

    def _record(self, version: Version, change: Change) -> None:
        collection = change.collection if isinstance(change, Dropped) else change.key.collection
        for name in [collection] if collection is not None else list(self._log):
            log = self._log.get(name)
            if log is None:
                continue
            log.append((version, change))
            if len(log) > _LOG_LIMIT:
                self._ask_again(name, version)

    def _ask_again(self, collection: str, version: Version) -> None:
        """The log grew too long: whatever is being loaded now has to be loaded as of now."""
        self._log[collection].clear()
        for key, awaited in self._awaited.items():
            if key.collection == collection:
                awaited.asked_at, awaited.in_flight = version, False

    def _prune_logs(self) -> None:
        for name in self._log.keys() - {key.collection for key in self._awaited}:
            del self._log[name]

    # Keeping

    def watch(self, key: Key) -> None:
        """Somebody depends on the key: once held, it stays."""
        self._watched[key] = self._watched.get(key, 0) + 1
        self._idle.pop(key, None)

    def unwatch(self, key: Key) -> None:
        """Undo one `watch`."""
        self._watched[key] -= 1
        if not self._watched[key]:
            del self._watched[key]
            if self.holds(key):
                self._rest(key)
                self._trim()

    def _rest(self, key: Key) -> None:
        if key not in self._watched:
            self._idle[key] = None

    def _trim(self) -> None:
        while len(self._idle) > self._idle_limit:
            self._unhold(next(iter(self._idle)))

    def _hold_document(self, key: DocumentKey, document: Document | None) -> None:
        self._documents[key] = document
        self._rest(key)

    def _unhold(self, key: Key) -> None:
        self._idle.pop(key, None)
        if isinstance(key, DocumentKey):
            del self._documents[key]
            return
        fields = self._fields[key.collection]
        index = fields[key.field]
        for each in index.sets.pop(key.value):
            del index.value_of[each]
        if not index.sets:
            del fields[key.field]

    def _set(self, key: SetKey) -> set[Id] | None:
        index = self._fields.get(key.collection, {}).get(key.field)
        return None if index is None else index.sets.get(key.value)


def _after(held: Document | None | Unheld, change: Change) -> Document | None | Unheld:
    """The document after the change; UNHELD when nobody could say."""
    match change:
        case Put():
            return change.document
        case Delete():
            return None
        case Dropped():
            return UNHELD
        case Update():
            if held is None or held is UNHELD:
                return UNHELD
            after = apply_update(held, change)
            return UNHELD if after is None else after
        case _:
            assert_never(change)


def _field_after(change: Put | Update | Delete, name: str) -> Hashable | None | Unheld:
    """The field's comparable value after the change; UNHELD when the change does not touch it.

    A path inside the field need not be looked at: only objects and arrays have insides, and they
    are in no set before or after.
    """
    match change:
        case Put():
            return comparable(change.document.get(name))
        case Delete():
            return None
        case Update():
            if name in change.updated:
                return comparable(change.updated[name])
            return None if name in change.removed else UNHELD
        case _:
            assert_never(change)
