"""Finds the server that a request of the application belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.auth.api import only

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from sessionwire.auth.api import API

__all__ = ["STATE", "api_for"]

STATE = "sessionwire"
"""Under which name `wire.lifespan` puts the server into the application's state."""


def api_for(connection: HTTPConnection) -> API:
    """The server of the innermost application, else of the outermost, else the only one.

    Raises RuntimeError when there is none, or when it cannot be told which.
    """
    scope = connection.scope
    wire = getattr(getattr(scope.get("app"), "state", None), STATE, None)
    wire = wire or scope.get("state", {}).get(STATE)
    if wire is None:
        return only()
    api: API = wire.auth.api
    return api
