"""Who is looking at a page, and where they go from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessionwire.gateways.pages.templates import link
from sessionwire.policy.lifetime import Expired
from sessionwire.policy.origins import is_safe_path
from sessionwire.reactive.shapes import SessionView

if TYPE_CHECKING:
    from sessionwire.exchange.call import Call

__all__ = ["HOME", "after", "here", "target_of", "visitor"]

HOME: Final = "/"


async def visitor(call: Call) -> SessionView | None:
    """Whose session it is, as everything else on this server sees it; None for nobody."""
    if call.viewer.credential is None:
        return None
    reader = call.backing.reading
    view = (await reader.read(call.viewer, since=call.since)).value
    if not isinstance(view, SessionView) or isinstance(reader.judge(view), Expired):
        return None
    return view


def target_of(call: Call) -> str:
    """The path that `redirect` names, if a redirect to it stays here; otherwise `/`."""
    target: str = call.query.get("redirect", HOME)
    return target if is_safe_path(target) else HOME


def here(path: str, call: Call, **more: str | None) -> str:
    """A page's address, with the way on that this one was given."""
    target = target_of(call)
    return link(path, redirect=None if target == HOME else target, **more)


def after(target: str) -> str:
    """The page that waits until everything is set up, and then goes to the target."""
    return link("/auth/after", redirect=target)
