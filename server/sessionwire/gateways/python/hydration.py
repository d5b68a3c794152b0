"""The session inside a page, so that the client shows it before it has connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from sessionwire.gateways.python.session import shown_to
from sessionwire.model import format_version
from sessionwire.reactive.view import plain

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["hydration_script"]

_ESCAPES = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})
"""What could end the element, open a comment in it, or a line of a script; all of them only ever
stand inside JSON's texts."""


async def hydration_script(request: HTTPConnection) -> Markup:
    """A `<script>` element with the session that `get_current_session` answers, and its version.

    Put it into the page before the client's modules. It is data, which no browser executes: a
    strict Content-Security-Policy needs no exception for it. The page now shows who is signed in,
    so that no cache may keep it: answer it with `@no_store`. Raises Refusal as
    `get_current_session` does.
    """
    shown = await shown_to(request)
    content = {"data": plain(shown.view), "version": format_version(shown.version)}
    text = msgspec.json.encode(content).decode().translate(_ESCAPES)
    return Markup(f'<script type="application/json" id="sessionwire">{text}</script>')
