"""What the pages say: every refusal in human words, and beside which field it belongs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sessionwire.errors import PeerError, TooManyRequests
from sessionwire.policy.passwords import MAXIMUM, MINIMUM

if TYPE_CHECKING:
    from sessionwire.errors import SessionwireError
    from sessionwire.settings import Settings

__all__ = ["Fault", "Trouble", "explain", "title_of", "trouble_of"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a form was refused; `field` is the one to correct, if it is one."""

    message: str
    field: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong on the way to this page, and what to do about it."""

    title: str
    advice: str


_ELSEWHERE: Final = (
    "This form was not sent from this site. If you sent it, open this page anew and try again."
)

_FAULTS: Final = {
    "INVALID_EMAIL": ("Enter an email address, such as name@example.com.", "email"),
    "NAME_MISSING": ("Enter your name.", "name"),
    "INVALID_EMAIL_OR_PASSWORD": ("This email address and password do not match.", None),
    "PASSWORD_TOO_SHORT": (f"Use at least {MINIMUM} characters.", "password"),
    "PASSWORD_TOO_LONG": (f"Use at most {MAXIMUM} characters.", "password"),
    "PASSWORD_COMPROMISED": (
        "This password is among the first that are guessed. Choose another one.",
        "password",
    ),
    "PASSWORDS_DIFFER": ("The two passwords are not the same.", "again"),
    "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL": (
        "There is an account with this address already. Sign in, or use another address.",
        "email",
    ),
    "FAILED_TO_CREATE_USER": (
        "There is an account with this address already. Sign in, or use another address.",
        "email",
    ),
    "EMAIL_PASSWORD_SIGN_UP_DISABLED": ("New accounts are not taken here.", None),
    "EMAIL_NOT_VERIFIED": (
        "Confirm your address first: follow the link in the mail that we have sent to it.",
        None,
    ),
    "BANNED_USER": ("This account has been suspended.", None),
    "PROVIDER_NOT_FOUND": ("This way of signing in does not exist here.", None),
    "PROVIDER_UNAVAILABLE": (
        "This provider does not answer just now. Try again, or sign in another way.",
        None,
    ),
    "INVALID_TOKEN": ("This link has expired or was used already. Ask for a new one.", None),
    "INVITATION_NOT_FOUND": (
        "This invitation has expired, was withdrawn, or was answered already.",
        None,
    ),
    "EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION": (
        "Confirm your email address first. Then open the invitation again.",
        None,
    ),
    "EMAIL_VERIFICATION_REQUIRED_BEFORE_ACCEPTING_OR_REJECTING_INVITATION": (
        "Confirm your email address first. Then open the invitation again.",
        None,
    ),
    "UNAUTHORIZED": ("Your session has ended. Sign in again.", None),
    "INVALID_ORIGIN": (_ELSEWHERE, None),
    "MISSING_OR_NULL_ORIGIN": (_ELSEWHERE, None),
    "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED": (_ELSEWHERE, None),
    "VALIDATION_ERROR": ("This form was not understood. Open the page anew and try again.", None),
}

_AGAIN: Final = "Please sign in again."
_TROUBLES: Final = {
    "access_denied": Trouble("Sign-in was cancelled", "You can try again, or choose another way."),
    "state_mismatch": Trouble(
        "This sign-in was interrupted",
        "It was begun in another browser, or too long ago. " + _AGAIN,
    ),
    "state_not_found": Trouble("This sign-in was interrupted", _AGAIN),
    "invalid_code": Trouble("The sign-in could not be completed", _AGAIN),
    "no_code": Trouble("The sign-in could not be completed", _AGAIN),
    "account_not_linked": Trouble(
        "There is an account with this address already",
        "Sign in to it the way you did before. You can connect the other one afterwards.",
    ),
    "signup_disabled": Trouble(
        "There is no account for you here", "New accounts are not taken here."
    ),
    "email_not_verified": Trouble(
        "Your address is not confirmed",
        "Confirm it where you keep your account, or sign in another way.",
    ),
    "email_not_found": Trouble(
        "No email address was given",
        "An account needs one. Allow it to be shared, or sign in another way.",
    ),
    "banned": Trouble("This account has been suspended", "Ask those who run this site."),
    "BANNED_USER": Trouble("This account has been suspended", "Ask those who run this site."),
    "INVALID_TOKEN": Trouble(
        "This link is not valid any more", "It has expired or was used already. Ask for a new one."
    ),
    "TOKEN_EXPIRED": Trouble("This link has expired", "Ask for a new one."),
}


def explain(error: SessionwireError) -> Fault:
    """The error in the words of a page; what it does not know is said as the API says it."""
    if isinstance(error, TooManyRequests):
        return Fault(
            f"Too many attempts. Try again in {_span(error.retry_after)}.", None, error.code
        )
    if error.code in _FAULTS:
        return Fault(*_FAULTS[error.code], error.code)
    if isinstance(error, PeerError):
        return Fault(error.message, None, error.code)
    return Fault("The server cannot answer just now. Try again in a moment.", None, error.code)


def trouble_of(code: str) -> Trouble:
    """What an error code in an address means."""
    return _TROUBLES.get(code, Trouble("Something went wrong", "Try again."))


def title_of(settings: Settings) -> str:
    """What the site is called: the name in `mail_from`, or else its host."""
    name = parseaddr(settings.mail_from)[0]
    return name or urlsplit(settings.base_url).hostname or settings.base_url


def _span(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"
