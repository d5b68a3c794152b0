"""Which names of fields may be shown of a change; values never are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from sessionwire.observing.facts import ChangeFacts, Operation
from sessionwire.reactive.change import Change, Delete, Dropped, Put, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessionwire.model import Document
    from sessionwire.settings import Settings

__all__ = ["LISTED", "Redaction", "redaction_of"]

LISTED: Mapping[str, frozenset[str]] = {
    "user": frozenset(
        {
            "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "onboardedAt",
            "activeOrganizationId", "banned", "role",
        }
    ),
    "session": frozenset(
        {
            "userId", "createdAt", "updatedAt", "expiresAt", "ipAddress", "userAgent",
            "activeOrganizationId",
        }
    ),
    "sessionEnd": frozenset({"reason"}),
    "organization": frozenset({"name", "slug", "logo", "createdAt"}),
    "member": frozenset({"userId", "organizationId", "role", "createdAt"}),
    "invitation": frozenset(
        {"organizationId", "inviterId", "email", "role", "status", "expiresAt", "createdAt"}
    ),
}  # fmt: skip
"""Collection → fields that are shown to somebody anyway."""

_NAMELESS = frozenset({"invitation", "sessionEnd"})
"""Collections whose `_id` is a credential, as in an invitation's link, or made of one."""


class Redaction:
    """An allow-list: a collection or a field that it does not name is counted, and not shown."""

    def __init__(self, further: Mapping[str, Iterable[str]] | None = None) -> None:
        self._listed = dict(LISTED)
        for collection, fields in (further or {}).items():
            self._listed[collection] = self._listed.get(collection, frozenset()) | set(fields)

    def listed(self, collection: str) -> frozenset[str]:
        """The fields of the collection that may be named."""
        return self._listed.get(collection, frozenset())

    def facts(self, change: Change, held: Document | None = None) -> ChangeFacts:
        """What may be said of the change; `held` is the document as it was, if it is known."""
        operation: Operation
        names: set[str]
        match change:
            case Dropped(collection):
                return ChangeFacts(collection=collection or "*", operation="drop")
            case Put(key, document, inserted):
                names, held = set(document) - {"_id"}, document
                operation = "insert" if inserted else "replace"
            case Update(key):
                cut = (path for path, _ in change.truncated)
                paths = (*change.updated, *change.removed, *cut)
                names = {path.partition(".")[0] for path in paths}
                operation = "update"
            case Delete(key):
                names, operation = set(), "delete"
            case _:
                assert_never(change)
        listed = self.listed(key.collection)
        shown = sorted(names & listed)
        user, organization = _owners(key.collection, str(key.id), held or {})
        return ChangeFacts(
            collection=key.collection,
            operation=operation,
            id=None if key.collection in _NAMELESS else str(key.id),
            fields=shown,
            hidden=len(names) - len(shown),
            user=user,
            organization=organization,
        )


def _owners(collection: str, id: str, document: Document) -> tuple[str | None, str | None]:
    """Whose the document is: a user's, an organization's."""
    user = id if collection == "user" else document.get("userId")
    organization = id if collection == "organization" else document.get("organizationId")
    return _text(user), _text(organization)


def _text(id: object) -> str | None:
    return None if id is None else str(id)


def redaction_of(settings: Settings) -> Redaction:
    """What the views show by these settings, and what `observed_fields` adds."""
    further = {name: tuple(fields) for name, fields in settings.observed_fields.items()}
    further["user"] = (*settings.user_fields, *further.get("user", ()))
    further["session"] = (*settings.session_fields, *further.get("session", ()))
    return Redaction(further)
