"""What every letter says, and where its link leads.

A letter holds nothing that a stranger could have written, but for an invitation, whose organization
has a name: an address that was typed in wrongly must not bring anybody somebody else's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

__all__ = [
    "Words",
    "address_changed",
    "address_taken",
    "change_address",
    "delete_account",
    "invitation",
    "reset_password",
    "verify_address",
    "with_query",
]

_RESET_PAGE = "/reset-password"
_NAME = 64
_GLUED = re.compile(r"(?<=\w)([./:@])(?=[\w/])")


@dataclass(frozen=True, slots=True)
class Words:
    """A subject of one line, a plain text, and the link in it."""

    subject: str
    text: str
    url: str | None = None


def reset_password(*, base_url: str, token: str, target: str | None) -> Words:
    """To who forgot their password; the link leads to `target`, or else to our own page."""
    query = urlencode({"callbackURL": target or _RESET_PAGE})
    url = f"{base_url}/api/auth/reset-password/{quote(token, safe='')}?{query}"
    return _linked(
        "Set a new password",
        f"Somebody asked for a new password at {_host(base_url)}. If it was you, set it here:",
        url,
        "The link works once, for one hour. If it was not you, ignore this mail: your password "
        "stays as it is.",
    )


def verify_address(*, base_url: str, token: str, target: str | None) -> Words:
    """To an address that somebody gave as theirs."""
    return _linked(
        "Confirm your e-mail address",
        f"This address was given at {_host(base_url)}. If it was you, confirm it here:",
        _confirmation(base_url, token=token, target=target),
        "The link works once, for one hour. If it was not you, ignore this mail.",
    )


def change_address(*, base_url: str, token: str, target: str | None) -> Words:
    """To the address that somebody wants to have from now on."""
    return _linked(
        "Confirm your new e-mail address",
        f"Somebody at {_host(base_url)} wants to use this address from now on. If it was you, "
        "confirm it here:",
        _confirmation(base_url, token=token, target=target),
        "The link works once, for one hour. If it was not you, ignore this mail.",
    )


def _confirmation(base_url: str, *, token: str, target: str | None) -> str:
    """Our own page asks before it confirms: programs that look at mail follow every link in it."""
    if target is None:
        return f"{base_url}/verify-email?{urlencode({'token': token})}"
    query = urlencode({"token": token, "callbackURL": target})
    return f"{base_url}/api/auth/verify-email?{query}"


def address_changed(*, base_url: str) -> Words:
    """To the address that was theirs until now."""
    url = f"{base_url}/sign-in"
    return _linked(
        "Your e-mail address was changed",
        f"Your account at {_host(base_url)} has another e-mail address now, and this one does not "
        "sign in any more.",
        url,
        "If it was not you, tell who runs this service at once.",
    )


def address_taken(*, base_url: str) -> Words:
    """To the owner of an account, when somebody signs up with their address."""
    return _linked(
        "You have an account already",
        f"Somebody signed up at {_host(base_url)} with this address, which has an account. If it "
        "was you, sign in, or ask there for a new password:",
        f"{base_url}/sign-in",
        "If it was not you, there is nothing to do: nothing was changed.",
    )


def delete_account(*, base_url: str, token: str, target: str | None) -> Words:
    """To who wants to be gone, and has no password to prove it with."""
    query = urlencode({"token": token, "callbackURL": target or "/"})
    return _linked(
        "Delete your account",
        f"Somebody asked to delete your account at {_host(base_url)}. If it was you, delete it "
        "here, in the browser in which you are signed in:",
        f"{base_url}/api/auth/delete-user/callback?{query}",
        "The link works once, for one hour. If it was not you, end the sessions that you do not "
        "know: somebody is signed in as you.",
    )


def invitation(*, base_url: str, id: str, organization: str, inviter: str) -> Words:
    """To who is asked to join; `inviter` is an address."""
    query = urlencode({"id": id})
    return _linked(
        f"Join {_said(organization)}",
        f"{inviter} invites you to join {_said(organization)} at {_host(base_url)}:",
        f"{base_url}/accept-invitation?{query}",
        "If you do not know them, ignore this mail.",
    )


def with_query(url: str, **values: str) -> str:
    """The URL with these values added to its query."""
    rest, hash, fragment = url.partition("#")
    return f"{rest}{'&' if '?' in rest else '?'}{urlencode(values)}{hash}{fragment}"


def _linked(subject: str, before: str, url: str, after: str) -> Words:
    return Words(subject, f"{before}\n\n{url}\n\n{after}\n", url)


def _host(base_url: str) -> str:
    return urlsplit(base_url).netloc


def _said(name: str) -> str:
    """A name as text of one line, in which no mail program finds a link."""
    start = name[: 8 * _NAME]  # of a name as long as a body, the rest is not even looked at
    line = " ".join("".join(each if each.isprintable() else " " for each in start).split())
    apart = _GLUED.sub(r"\1 ", line)
    return f"“{apart[:_NAME]}”"
