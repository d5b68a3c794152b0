"""Fields of the application's own in user and session documents, which their owner is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sessionwire.policy.exposure import refuse_unfit
from sessionwire.reactive.fields import exposed
from sessionwire.reactive.shapes import Session, Shape, User

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.settings import Settings

__all__ = ["NO_EXTRAS", "Extras", "extras_of"]

_Shape = TypeVar("_Shape", bound=Shape)


class Extras:
    """The shapes of a user and a session with these further members, and what is in them.

    It is an allow-list: a field that is not named here is in no answer. Raises StartupError for one
    that sounds like a secret, or that has a meaning already.
    """

    def __init__(
        self, *, user_fields: tuple[str, ...] = (), session_fields: tuple[str, ...] = ()
    ) -> None:
        self.user = _extended(User, user_fields, setting="USER_FIELDS")
        self.session = _extended(Session, session_fields, setting="SESSION_FIELDS")
        self._user_fields = user_fields
        self._session_fields = session_fields

    def of_user(self, user: Document) -> dict[str, Any]:
        """The further members of a user."""
        return _members(user, self._user_fields) if self._user_fields else {}

    def of_session(self, session: Document) -> dict[str, Any]:
        """The further members of a session."""
        return _members(session, self._session_fields) if self._session_fields else {}


def _members(document: Document, fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: exposed(document, name) for name in fields}


def _extended(shape: type[_Shape], fields: tuple[str, ...], *, setting: str) -> type[_Shape]:
    refuse_unfit(
        setting,
        fields,
        taken=frozenset((*shape.__struct_fields__, *shape.__struct_encode_fields__)),
    )
    if not fields:
        return shape
    further = [(name, Any, msgspec.field(name=name)) for name in fields]
    made: Any = msgspec.defstruct(shape.__name__, further, bases=(shape,), frozen=True)
    return made  # type: ignore[no-any-return]


NO_EXTRAS = Extras()


def extras_of(settings: Settings) -> Extras:
    """What the settings show. Raises StartupError."""
    return Extras(user_fields=settings.user_fields, session_fields=settings.session_fields)
