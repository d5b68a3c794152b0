"""Who is signed in, as FastAPI dependencies: for routes that programs call.

A visitor is answered 401 with JSON. For pages, `Depends(require_user)` redirects instead.
"""

from typing import Annotated

from starlette.types import Receive, Scope, Send

try:
    from fastapi import Depends
    from fastapi.routing import APIRoute
except ImportError as error:
    raise ImportError("sessionwire.fastapi needs FastAPI: pip install fastapi") from error

from sessionwire.gateways.python.no_store import no_store
from sessionwire.gateways.python.session import get_current_session, require_session
from sessionwire.reactive.shapes import SessionView, User

__all__ = ["CurrentSession", "CurrentUser", "NoStoreRoute", "OptionalSession"]

CurrentSession = Annotated[SessionView, Depends(require_session)]
"""The session; 401 when signed out."""

OptionalSession = Annotated[SessionView | None, Depends(get_current_session)]
"""The session, or None when signed out."""


async def _user(session: CurrentSession) -> User:
    return session.user


CurrentUser = Annotated[User, Depends(_user)]
"""The user who is signed in; 401 when signed out."""


class NoStoreRoute(APIRoute):
    """A route with the API's headers on its answers: `APIRouter(route_class=NoStoreRoute)`."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await no_store(super().handle)(scope, receive, send)
