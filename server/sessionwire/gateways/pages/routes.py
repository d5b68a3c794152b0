"""The pages, and the fixed files: the demo, the client's modules, style sheets; read at startup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sessionwire.gateways.files import file_route, headers_of_pages
from sessionwire.gateways.pages.gateway import PageGateway
from sessionwire.gateways.pages.table import pages_of
from sessionwire.gateways.pages.templates import compile_all

if TYPE_CHECKING:
    from starlette.routing import BaseRoute, Route

    from sessionwire.exchange.backing import Backing

__all__ = ["page_routes"]

_DEMO: Final = Path(__file__).parent / "demo"
_ASSETS: Final = Path(__file__).parent / "assets"
_ASSET_FILES: Final = ("after.js", "form.js", "icon.svg", "look.css", "pages.css")
_DEMO_FILES: Final = (
    "account.js",
    "app.js",
    "bar.js",
    "dashboard.js",
    "form.js",
    "landing.js",
    "mirror.js",
    "organization.js",
    "page.js",
    "style.css",
    "words.js",
)
_HEADERS: Final = headers_of_pages(images="'self' https: data:")


def page_routes(
    *, demo: bool, client_directory: Path, backing: Backing | None = None
) -> list[BaseRoute]:
    """`/sessionwire/…`: the directory's modules and the style sheets; with `demo` also `/`.

    With a `backing` the pages for signing in and what belongs to it. Raises OSError when one of the
    files cannot be read, and ValueError when there is no client.
    """
    modules = sorted(client_directory.glob("*.js"))
    if not modules:
        raise ValueError(f"no client modules in {client_directory}")
    routes: list[BaseRoute] = [_route(f"/sessionwire/client/{each.name}", each) for each in modules]
    routes += [_route(f"/sessionwire/pages/{name}", _ASSETS / name) for name in _ASSET_FILES]
    if demo:
        routes.append(_route("/", _DEMO / "index.html"))
        routes += [_route(f"/demo/{name}", _DEMO / name) for name in _DEMO_FILES]
    if backing is not None:
        compile_all()
        routes += PageGateway(backing, pages_of(backing.settings, home=not demo)).routes()
    return routes


def _route(path: str, source: Path) -> Route:
    return file_route(path, source, headers=_HEADERS)
