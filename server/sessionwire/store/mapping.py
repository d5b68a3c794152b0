"""Our names for users, and those that an existing collection has for the same things.

Everything above the store says `user` and `email`; the database may say `people` and `mail`. What
goes out is written in their names, what comes in is read in ours. A field of theirs that is called
like one of ours, but stands for something else, does not come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sessionwire.errors import StartupError
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Put, Update
from sessionwire.store.indexes import INDEXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionwire.model import Document
    from sessionwire.settings import Settings

__all__ = ["USER_FIELDS", "FieldNames", "Naming", "naming_of"]

_USERS = "user"

USER_FIELDS = (
    "name", "email", "emailVerified", "image", "createdAt", "updatedAt",
    "activeOrganizationId", "onboardedAt", "banned", "revision",
)  # fmt: skip
"""Everything that the server reads or writes in a user document, but for its `_id`."""

_COLLECTIONS = frozenset({name for name, _, _ in INDEXES})


class FieldNames:
    """The names of one collection's top-level fields; paths are translated by their first part."""

    def __init__(self, theirs: Mapping[str, str]) -> None:
        self._theirs = dict(theirs)
        self._ours = {name: ours for ours, name in theirs.items()}

    def theirs(self, path: str) -> str:
        """Our path as the database has it."""
        first, dot, rest = path.partition(".")
        return self._theirs.get(first, first) + dot + rest

    def ours(self, path: str) -> str | None:
        """Their path as we have it; None for a field that has no name here."""
        first, dot, rest = path.partition(".")
        name = self._ours.get(first)
        if name is None:
            return None if first in self._theirs else path
        return name + dot + rest

    def incoming(self, document: Document) -> dict[str, Any]:
        """A document, or a mapping of paths, as we read it."""
        named = ((self.ours(path), value) for path, value in document.items())
        return {path: value for path, value in named if path is not None}

    def outgoing(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A document, or a mapping of paths, as they read it."""
        return {self.theirs(path): value for path, value in document.items()}

    def filter(self, filter: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ValueError for an operator that is not translated."""
        said: dict[str, Any] = {}
        for name, value in filter.items():
            if name in ("$and", "$or", "$nor"):
                said[name] = [self.filter(each) for each in value]
            elif name == "$expr":
                said[name] = self._expression(value)
            elif name.startswith("$"):
                raise ValueError(f"a filter with {name} cannot be translated")
            else:
                said[self.theirs(name)] = value
        return said

    def update(
        self, update: Mapping[str, Any] | list[dict[str, Any]]
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Of operators, or a pipeline. Raises ValueError for one that is not translated."""
        if isinstance(update, list):
            return [self._stage(each) for each in update]
        said: dict[str, Any] = {}
        for operator, paths in update.items():
            if not operator.startswith("$"):
                raise ValueError("a replacement is not an update")
            named = self.outgoing(paths)
            if operator == "$rename":
                named = {path: self.theirs(new) for path, new in named.items()}
            said[operator] = named
        return said

    def _stage(self, stage: Mapping[str, Any]) -> dict[str, Any]:
        ((operator, body),) = stage.items()
        match operator:
            case "$set" | "$addFields":
                return {
                    operator: {
                        self.theirs(path): self._expression(value) for path, value in body.items()
                    }
                }
            case "$unset":
                paths = [body] if isinstance(body, str) else body
                return {operator: [self.theirs(path) for path in paths]}
            case _:
                raise ValueError(f"a stage {operator} cannot be translated")

    def _expression(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._field(value)
        if isinstance(value, list):
            return [self._expression(each) for each in value]
        if not isinstance(value, dict) or "$literal" in value:
            return value
        if "$getField" in value or "$setField" in value:
            raise ValueError("an expression with the name of a field cannot be translated")
        return {name: self._expression(each) for name, each in value.items()}

    def _field(self, text: str) -> str:
        for prefix in ("$$ROOT", "$$CURRENT"):
            if text == prefix:
                raise ValueError("an expression with a whole document cannot be translated")
            if text.startswith(prefix + "."):
                return f"{prefix}.{self.theirs(text[len(prefix) + 1 :])}"
        if text.startswith("$") and not text.startswith("$$"):
            return "$" + self.theirs(text[1:])
        return text


class Naming:
    """What the collection `user` and its fields are called in this database."""

    def __init__(self, *, users: str = _USERS, fields: Mapping[str, str] | None = None) -> None:
        self._users = users
        renamed = {ours: name for ours, name in (fields or {}).items() if ours != name}
        self._fields = FieldNames(renamed) if renamed else None

    def collection(self, ours: str) -> str:
        """The name of our collection in the database."""
        return self._users if ours == _USERS else ours

    def ours(self, theirs: str) -> str | None:
        """Our name of a collection in the database; None when it is none of ours."""
        if theirs == self._users:
            return _USERS
        return None if theirs == _USERS else theirs

    def fields(self, ours: str) -> FieldNames | None:
        """How the fields of our collection are called; None: as we call them."""
        return self._fields if ours == _USERS else None

    def place(self, collection: str, field: str) -> tuple[str, str]:
        """The collection and the field in the database's words."""
        names = self.fields(collection)
        return self.collection(collection), field if names is None else names.theirs(field)

    def translated(self, changes: Sequence[Change]) -> Sequence[Change]:
        """The changes in our words, without those of collections that have no name here."""
        if self._users == _USERS and self._fields is None:
            return changes
        return [ours for each in changes if (ours := self._change(each)) is not None]

    def _change(self, change: Change) -> Change | None:
        """The change in our words; None for that of a collection that has no name here."""
        theirs = change.collection if isinstance(change, Dropped) else change.key.collection
        if theirs != self._users:
            return None if theirs == _USERS else change
        names = self._fields
        match change:
            case Dropped():
                return Dropped(_USERS)
            case Delete(key):
                return Delete(_of_users(key))
            case Put(key, document):
                read = document if names is None else names.incoming(document)
                return replace(change, key=_of_users(key), document=read)
            case Update(key):
                return _update(replace(change, key=_of_users(key)), names)


def _of_users(key: DocumentKey) -> DocumentKey:
    return DocumentKey(_USERS, key.id)


def _update(update: Update, names: FieldNames | None) -> Update:
    if names is None:
        return update
    removed = (names.ours(path) for path in update.removed)
    truncated = ((names.ours(path), length) for path, length in update.truncated)
    return Update(
        update.key,
        names.incoming(update.updated),
        tuple(path for path in removed if path is not None),
        tuple((path, length) for path, length in truncated if path is not None),
    )


def naming_of(settings: Settings) -> Naming:
    """The naming that the settings ask for. Raises StartupError when it is not one to one."""
    _refuse_collection(settings.user_collection)
    for ours, theirs in settings.user_model.items():
        _refuse_field(ours, theirs)
    taken: dict[str, str] = {}
    for ours in (*USER_FIELDS, *settings.user_fields):
        theirs = settings.user_model.get(ours, ours)
        if theirs in taken:
            raise StartupError(
                f"SESSIONWIRE_USER_MODEL: {taken[theirs]} and {ours} would both be stored as"
                f" {theirs}.",
                remedy=f"Give one of them another field: a field of ours that is not named in"
                f" user_model keeps its name, here {theirs}.",
            )
        taken[theirs] = ours
    return Naming(users=settings.user_collection, fields=settings.user_model)


def _refuse_collection(name: str) -> None:
    if not name or "$" in name or "\0" in name or name.startswith("system."):
        raise StartupError(
            f"SESSIONWIRE_USER_COLLECTION: {name!r} is no name of a collection.",
            remedy="Name the collection that holds the users.",
        )
    if name != _USERS and name in _COLLECTIONS:
        raise StartupError(
            f"SESSIONWIRE_USER_COLLECTION: {name} is a collection of the server itself.",
            remedy="Rename yours, or keep sessionwire's collections in another database.",
        )


def _refuse_field(ours: str, theirs: str) -> None:
    if ours not in USER_FIELDS:
        raise StartupError(
            f"SESSIONWIRE_USER_MODEL: {ours} is not a field that the server knows.",
            remedy=f"It knows {', '.join(USER_FIELDS)}; the id is always _id.",
        )
    if not theirs or theirs == "_id" or "." in theirs or "$" in theirs[:1] or "\0" in theirs:
        raise StartupError(
            f"SESSIONWIRE_USER_MODEL: {ours} cannot be stored as {theirs!r}.",
            remedy="Name a top-level field: without dots, not beginning with $, and not _id.",
        )
