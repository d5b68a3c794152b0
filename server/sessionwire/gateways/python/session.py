"""Who is signed in, for an endpoint of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import HTTPConnection  # noqa: TC002 (FastAPI reads the annotations)

from sessionwire.errors import Forbidden, Unauthorized, Unavailable
from sessionwire.gateways.python.origin import assert_origin
from sessionwire.gateways.python.refusal import Refusal
from sessionwire.gateways.python.server import api_for
from sessionwire.policy.origins import is_safe_path
from sessionwire.reactive.shapes import SessionView, User  # noqa: TC001

if TYPE_CHECKING:
    from starlette.types import Scope

    from sessionwire.auth.reading import Shown

__all__ = ["get_current_session", "require_session", "require_user", "shown_to"]

_SIGN_IN = "/sign-in"
_RETRY_AFTER = "1"


async def get_current_session(request: HTTPConnection) -> SessionView | None:
    """The session that the request speaks for; None when signed out.

    It shows the organization that the request says by `Sessionwire-Organization`, else the active
    one. No database read while the session is held; it does not extend the session. Raises Refusal:
    503 when the database cannot say, 403 for an organization that is not theirs, and for a
    WebSocket of a page that is not trusted, which must be asked before it is accepted.
    """
    return (await shown_to(request)).view


async def shown_to(request: HTTPConnection) -> Shown:
    """The session, and of which version it is. Raises Refusal as `get_current_session` does."""
    if request.scope["type"] == "websocket":
        assert_origin(request)
    try:
        return await api_for(request).reading.show(request.headers)
    except Unavailable as error:
        raise Refusal.of(error, headers={"retry-after": _RETRY_AFTER}) from None
    except Forbidden as error:
        raise Refusal.of(error) from None


async def require_session(request: HTTPConnection) -> SessionView:
    """The session that the request speaks for.

    Raises Refusal as `get_current_session` does, and 401 when signed out: for programs.
    """
    session = await get_current_session(request)
    if session is None:
        raise Refusal.of(Unauthorized("Unauthorized"))
    return session


async def require_user(request: HTTPConnection) -> User:
    """The user who is signed in; a visitor is sent to the sign-in page, and comes back: for pages.

    Raises Refusal as `get_current_session` does, and a redirect (303) to
    `/sign-in?redirect=<path>`; without `redirect` for what cannot be repeated by following a link.
    A WebSocket is refused with 401 instead.
    """
    session = await get_current_session(request)
    if session is not None:
        return session.user
    if request.scope["type"] == "websocket":
        raise Refusal.of(Unauthorized("Unauthorized"))
    raise Refusal.redirect(_sign_in(request.scope))


def _sign_in(scope: Scope) -> str:
    target = _target(scope)
    if scope["method"] not in ("GET", "HEAD") or not is_safe_path(target):
        return _SIGN_IN
    return f"{_SIGN_IN}?redirect={quote(target, safe='/')}"


def _target(scope: Scope) -> str:
    """The path and query as sent. Not `request.url`, which believes the Host header."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"]) if raw is None else raw.decode("latin-1")
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path
