"""`/inspector`: the page, for whoever may watch, and its files; read at startup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sessionwire.errors import SessionwireError, Unauthorized
from sessionwire.gateways.files import file_route, headers_of_pages

if TYPE_CHECKING:
    from starlette.requests import Request

    from sessionwire.gateways.inspector.access import Access

__all__ = ["inspector_page"]

_PATH: Final = "/inspector"
_PAGE: Final = Path(__file__).parent / "page"
_SIGN_IN: Final = f"/sign-in?redirect={quote(_PATH, safe='')}"


def inspector_page(access: Access, *, sign_in: bool) -> list[BaseRoute]:
    """The page and its files. The files tell nothing; what the page shows, it asks for.

    A visitor is sent to the page for signing in, if there is one (`sign_in`), and if that is the
    only way in: where there is an admin token, the page asks for it.
    """
    html, headers = (_PAGE / "index.html").read_bytes(), headers_of_pages()

    async def page(request: Request) -> Response:
        status = 200
        try:
            await access.check(request)
        except Unauthorized as error:
            if sign_in and not access.takes_token:
                return RedirectResponse(_SIGN_IN, 303, {"Cache-Control": "no-store"})
            status = error.status
        except SessionwireError as error:
            status = error.status
        shown = {**headers, "Cache-Control": "no-store"}
        return Response(html, status, shown, media_type="text/html")

    files = sorted(each for each in _PAGE.iterdir() if each.suffix in (".css", ".js"))
    return [
        Route(_PATH, page, methods=["GET"], include_in_schema=False),
        *(file_route(f"{_PATH}/page/{each.name}", each, headers=headers) for each in files),
    ]
