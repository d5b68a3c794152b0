"""An invitation to an organization: who invites to what, and the answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.errors import PeerError
from sessionwire.exchange.call import Call, Reply
from sessionwire.gateways.pages.page import Page, Refused
from sessionwire.gateways.pages.templates import link, show
from sessionwire.gateways.pages.visitor import HOME, after
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from sessionwire.auth.invitations import Shown

__all__ = ["PAGES"]

_ACCEPT_PAGE = "/accept-invitation"


async def show_invitation(call: Call, refused: Refused | None) -> Reply:
    """To its addressee alone; a visitor is asked to sign in, and comes back here."""
    own = link(_ACCEPT_PAGE, id=call.query.get("id"))
    context: dict[str, Any] = {
        "action": own,
        "sign_in": link("/sign-in", redirect=own),
        "sign_up": link("/sign-up", redirect=own) if call.backing.settings.sign_up else None,
        "sign_out": link("/sign-out", redirect=own),
        "rejected": call.query.get("done") == "rejected",
        "email": None if call.who is None else text(call.who.user, "email"),
        "invitation": None,
    }
    if call.who is not None and not context["rejected"]:
        try:
            shown = await call.backing.invitations.shown(call.who, id=call.query.get("id", ""))
            context["invitation"] = _words(shown)
        except PeerError as error:
            refused = refused or Refused(error)
    return show("accept_invitation.html", call.backing.settings, refused=refused, **context)


def _words(shown: Shown) -> dict[str, str]:
    inviter = shown.inviter or {}  # who invited may be gone
    return {
        "organization": text(shown.organization, "name"),
        "inviter": text(inviter, "name") or text(inviter, "email") or "Somebody",
        "inviter_email": text(inviter, "email"),
        "role": " and ".join(text(shown.invitation, "role").split(",")),
    }


async def answer(call: Call) -> Reply:
    id = call.query.get("id", "")
    if call.body.get("answer") == "reject":
        await call.backing.invitations.reject(call.writing, call.me, id=id)
        return Reply.redirect(link(_ACCEPT_PAGE, done="rejected"), status=303)
    await call.backing.invitations.accept(call.writing, call.me, id=id)
    return Reply.redirect(after(HOME), status=303)


PAGES = (
    Page(
        _ACCEPT_PAGE,
        show_invitation,
        query=("id", "done"),
        session=True,
        submit=answer,
        body=("answer",),
    ),
)
