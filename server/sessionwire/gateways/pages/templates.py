"""Renders the templates, and the headers that go with a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sessionwire.exchange.call import Reply
from sessionwire.gateways.pages.words import explain, title_of
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from sessionwire.gateways.pages.page import Refused
    from sessionwire.settings import Settings

__all__ = ["compile_all", "link", "page_headers", "render", "show"]

_environment: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)

# connect-src 'self' covers the page's own origin over ws: and wss:, too (CSP 3, section 6.7.2.8).
_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)


def page_headers(*, secure: bool) -> dict[str, str]:
    """Those of every page: kept by no cache, framed by nobody, running nothing but our files.

    `Referrer-Policy: same-origin` lets forms say their origin, and keeps tokens in a page's address
    from other sites.
    """
    return {
        **api_headers(secure=secure),
        "content-security-policy": _POLICY,
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "same-origin",
        "x-frame-options": "DENY",
    }


def link(path: str, **query: str | None) -> str:
    """The path with those parts of a query that are not None or empty."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def compile_all() -> None:
    """Compile every template: the first visitor of a page would make all others wait."""
    for name in _environment.list_templates():
        _environment.get_template(name)


def render(template: str, settings: Settings, **context: Any) -> str:
    """The page as HTML; whatever is put into it is escaped."""
    return _environment.get_template(template).render(site=title_of(settings), **context)


def show(
    template: str,
    settings: Settings,
    *,
    refused: Refused | None = None,
    status: int = 200,
    **context: Any,
) -> Reply:
    """The page as a reply; a refusal is explained on it, beside the field that it is about."""
    fault = None if refused is None else explain(refused.error)
    typed = {} if refused is None else refused.typed
    html = render(template, settings, fault=fault, typed=typed, **context)
    return Reply(
        html=html,
        status=status if refused is None else refused.error.status,
        headers=page_headers(secure=settings.secure),
    )
