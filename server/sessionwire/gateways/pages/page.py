"""What a page is: how it is shown, what its form sends, and how it is shown again when refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sessionwire.exchange.call import Call, Endpoint, Handler, LimitClass, Reply
from sessionwire.exchange.schema import Field, Schema

if TYPE_CHECKING:
    from sessionwire.errors import SessionwireError

__all__ = ["Page", "Refused", "Show", "texts"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form is shown again, and what was typed into it."""

    error: SessionwireError
    typed: Mapping[str, str] = field(default_factory=dict)


Show = Callable[[Call, Refused | None], Awaitable[Reply]]
"""The page; when its form was refused, with the reason on it."""


def texts(*names: str) -> Schema:
    """Texts that may be absent: what is missing is for the handler to say, beside its field."""
    return Schema(tuple(Field(name, required=False) for name in names))


@dataclass(frozen=True, slots=True)
class Page:
    """One path. Its query says which page it is, its body what was typed; both are texts."""

    path: str
    show: Show
    query: Sequence[str] = ()
    session: bool = False
    """Whether it asks who speaks."""
    submit: Handler | None = None
    body: Sequence[str] = ()
    kept: Sequence[str] = ()
    """What is filled in again after a refusal; never a password."""
    login: bool = False
    limit: LimitClass = "default"
    bucket: str | None = None
    """With whose requests its form's are counted: the API's that does the same."""
    seconds: float | None = None

    def endpoints(self) -> list[Endpoint]:
        """Its GET, and its POST if it has a form."""
        if self.submit is None:
            return [self._shown(None)]
        return [self._shown(None), self._submitted(self.submit)]

    def again(self, refused: Refused) -> Endpoint:
        """A GET that shows the page with the refusal on it; it is not counted as a further try."""
        return replace(self._shown(refused), limit="none")

    def _shown(self, refused: Refused | None) -> Endpoint:
        async def handler(call: Call) -> Reply:
            return await self.show(call, refused)

        return Endpoint("GET", self.path, handler, query=texts(*self.query), session=self.session)

    def _submitted(self, handler: Handler) -> Endpoint:
        return Endpoint(
            "POST",
            self.path,
            handler,
            body=texts(*self.body) if self.body else None,
            query=texts(*self.query),
            session=self.session,
            login=self.login,
            form=True,
            limit=self.limit,
            bucket=self.bucket,
            seconds=self.seconds,
        )
