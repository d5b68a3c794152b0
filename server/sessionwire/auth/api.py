"""A running server as the application around it sees it, without HTTP in between."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.auth.reading import Headers, SessionReader
    from sessionwire.policy.origins import Origins
    from sessionwire.reactive.shapes import SessionView

__all__ = ["API", "Auth", "get_session", "only", "secure"]


@dataclass(frozen=True, slots=True)
class API:
    """What one server answers while it runs."""

    reading: SessionReader
    origins: Origins
    secure: bool
    """Whether its public address is https."""

    async def get_session(self, *, headers: Headers) -> SessionView | None:
        """The session that a request with these headers speaks for; None when signed out.

        `headers` is a mapping, Starlette's `Headers` or a list of pairs; names in any case. No
        database read while the session is held, and never older than what the sender has seen
        (P3, P5). It does not extend the session. Raises Unavailable when the database cannot say,
        and Forbidden when the headers name an organization that is not theirs.
        """
        return await self.reading.find(headers)


class Auth:
    """`wire.auth`: there from the start, it answers while its server runs."""

    def __init__(self) -> None:
        self._api: API | None = None

    @property
    def api(self) -> API:
        """Raises RuntimeError while the server does not run."""
        if self._api is None:
            raise RuntimeError(_NOT_RUNNING)
        return self._api

    @contextlib.contextmanager
    def serving(self, api: API) -> Iterator[None]:
        """The server runs while the block does."""
        self._api = api
        _running.append(api)
        try:
            yield
        finally:
            _running.remove(api)
            self._api = None


_running: list[API] = []
"""The servers of this process: code that has no request at hand means the only one."""

_NOT_RUNNING = (
    "sessionwire is not running: pass lifespan=wire.lifespan to the application, or enter "
    "`async with wire.lifespan(app)` in its own lifespan."
)
_AMBIGUOUS = (
    "{} sessionwire servers run in this process: use wire.auth.api of the one you mean, or start "
    "each with wire.lifespan(app) of the application that it belongs to."
)


async def get_session(*, headers: Headers) -> SessionView | None:
    """`API.get_session` of the only server of this process.

    Raises RuntimeError when there is none, or more than one.
    """
    return await only().get_session(headers=headers)


def only() -> API:
    """The only server of this process. Raises RuntimeError, which says what to do instead."""
    if len(_running) != 1:
        raise RuntimeError(_AMBIGUOUS.format(len(_running)) if _running else _NOT_RUNNING)
    return _running[0]


def secure() -> bool:
    """Whether every server of this process has an https address; not without one."""
    return bool(_running) and all(each.secure for each in _running)
