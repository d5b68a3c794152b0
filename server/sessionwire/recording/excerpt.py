"""What of a document may be written down: an allow-list of fields, each of a kind; pure.

What a field holds that is not of its kind reads as empty in every view, and is written as null.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never

from sessionwire.model import Id, ObjectId
from sessionwire.reactive.change import Update
from sessionwire.reactive.delta import apply_update
from sessionwire.reactive.identity import tombstone_id
from sessionwire.recording.pseudonyms import Kind, Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.model import Document
    from sessionwire.reactive.change import DocumentKey

__all__ = ["FIELDS", "Excerpt", "FieldKind"]

FieldKind = Kind | Literal["date", "flag", "mark", "word", "own"]
"""`flag`: whether it is true. `mark`: whether it is there. `own`: the application's, anything."""

FIELDS: Mapping[str, Mapping[str, FieldKind]] = {
    "user": {
        "name": "name", "email": "email", "emailVerified": "flag", "image": "image",
        "createdAt": "date", "updatedAt": "date", "onboardedAt": "mark",
        "activeOrganizationId": "id", "banned": "flag", "role": "word",
    },
    "session": {
        "token": "token", "userId": "id", "createdAt": "date", "updatedAt": "date",
        "expiresAt": "date", "ipAddress": "address", "userAgent": "agent",
        "activeOrganizationId": "id",
    },
    "sessionEnd": {"reason": "word"},
    "organization": {
        "name": "organization", "slug": "slug", "logo": "image", "createdAt": "date",
    },
    "member": {"userId": "id", "organizationId": "id", "role": "word", "createdAt": "date"},
    "invitation": {
        "organizationId": "id", "inviterId": "id", "email": "email", "role": "word",
        "status": "word", "expiresAt": "date", "createdAt": "date",
    },
}  # fmt: skip
"""What the built-in queries read: what is shown to somebody, and the token that finds a session."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z_ ,-]{0,63}\Z")
_DEEPEST = 16


class Excerpt:
    """Takes what may be told out of documents; `own` are the application's fields, by collection.

    It remembers whose session ended under which tombstone, so that a replay can say the reason.
    """

    def __init__(
        self, pseudonyms: Pseudonyms, *, own: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.pseudonyms = pseudonyms
        self._fields = {name: dict(fields) for name, fields in FIELDS.items()}
        for collection, names in (own or {}).items():
            self._fields[collection].update(dict.fromkeys(names, "own"))
        self._stones: dict[str, str] = {}

    def id(self, collection: str, id: Any) -> Id | None:
        """The `_id` as it is written; None for one that a replay has no use for.

        A tombstone is named by the token whose session it speaks of.
        """
        if collection == "sessionEnd":
            return self._stones.get(id) if isinstance(id, str) else None
        if collection == "invitation" and type(id) is str:
            return self.pseudonyms.of("invitation", id)  # a link with it is what was mailed
        known = self._id(id)
        return self.pseudonyms.of("id", repr(id)) if known is None else known

    def document(self, collection: str, document: Document) -> dict[str, Any] | None:
        """The excerpt of a whole document; None for one that a replay has no use for."""
        fields = self._fields.get(collection)
        id = self.id(collection, document["_id"])
        if fields is None or id is None:
            return None
        shown = (name for name in document if name in fields)
        return {"_id": id, **{name: self.value(collection, name, document[name]) for name in shown}}

    def update(self, update: Update, held: Document) -> dict[str, Any] | None:
        """The excerpt `held` after the update; None when it has to be read anew."""
        fields = self._fields[update.key.collection]
        after = dict(held)
        paths = [*update.updated, *update.removed, *(path for path, _ in update.truncated)]
        for root in dict.fromkeys(path.partition(".")[0] for path in paths):
            if root not in fields:
                continue
            if root in update.removed:
                after.pop(root, None)
            elif root in update.updated:
                after[root] = self.value(update.key.collection, root, update.updated[root])
            elif fields[root] == "own":
                inside = self._inside(update, root, held)
                if inside is None:
                    return None
                after[root] = inside[root]
            else:
                after[root] = self.value(update.key.collection, root, {})
        return after

    def _inside(self, update: Update, root: str, held: Document) -> Document | None:
        """What the update does within a field."""
        within = f"{root}."
        part = Update(
            update.key,
            {p: self._own(v, _DEEPEST) for p, v in update.updated.items() if p.startswith(within)},
            tuple(path for path in update.removed if path.startswith(within)),
            tuple(cut for cut in update.truncated if f"{cut[0]}.".startswith(within)),
        )
        return apply_update({root: held.get(root)}, part)

    def value(self, collection: str, field: str, value: Any) -> Any:
        kind = self._fields[collection][field]
        match kind:
            case "date":
                return value if isinstance(value, datetime) else None
            case "flag":
                return value is True
            case "mark":
                return value if value is None or isinstance(value, datetime) else True
            case "word":
                return self._word(value)
            case "id":
                return self._id(value)
            case "token":
                return self._token(value)
            case "own":
                return self._own(value, _DEEPEST)
            case (
                "name"
                | "email"
                | "image"
                | "address"
                | "agent"
                | "organization"
                | "slug"
                | "text"
                | "invitation"
            ):
                return self.pseudonyms.of(kind, value) if type(value) is str else None
            case _:
                assert_never(kind)

    def _id(self, value: Any) -> Id | None:
        if type(value) is ObjectId:
            return value
        if type(value) is str:
            return value if _PLAIN_ID.match(value) else self.pseudonyms.of("id", value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return int(value) if is_number else None

    def _token(self, value: Any) -> str | None:
        if type(value) is not str:
            return None
        known = self.pseudonyms.of("token", value)
        self._stones[tombstone_id(value)] = known
        return known

    def _word(self, value: Any) -> str | None:
        if type(value) is not str:
            return None
        return value if _PLAIN_WORD.match(value) else self.pseudonyms.of("text", value)

    def _own(self, value: Any, depth: int) -> Any:
        if type(value) is str:
            return self.pseudonyms.of("text", value)
        if type(value) is list and depth:
            return [self._own(each, depth - 1) for each in value]
        if type(value) is dict and depth:
            return {name: self._own(each, depth - 1) for name, each in value.items()}
        return value if isinstance(value, bool | int | float | datetime | ObjectId) else None

    def knows(self, key: DocumentKey) -> bool:
        """Whether anything of this collection is written down."""
        return key.collection in self._fields
