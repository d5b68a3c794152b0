"""Where this server answers otherwise than the recordings, on purpose (docs/decisions/0009)."""

from __future__ import annotations

from typing import Any

__all__ = ["DEVIATIONS", "ELSEWHERE", "EXTRA_FIELDS"]

_NO_ORIGIN = {"message": "Invalid origin", "code": "INVALID_ORIGIN"}
_NAME_TYPE = "[body.name] Invalid input: expected string, received"


def _coded(message: str, code: str, **more: Any) -> dict[str, Any]:
    return {"response": {"message": message, "code": code}, **more}


_TOO_MANY = _coded("Too many requests. Please try again later.", "TOO_MANY_REQUESTS")
_SIGNED_OUT = _coded("Unauthorized", "UNAUTHORIZED")
_NO_FIELDS = _coded("No fields to update", "NO_FIELDS_TO_UPDATE")

DEVIATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "update-user.empty": ("every error has a code", _NO_FIELDS),
    "update-user.unknown-field": ("every error has a code", _NO_FIELDS),
    "update-user.emailVerified-attempt": ("every error has a code", _NO_FIELDS),
    "update-session.no-fields": ("every error has a code", _NO_FIELDS),
    "update-user.name-number": (
        "a name is a text",
        _coded(f"{_NAME_TYPE} number", "VALIDATION_ERROR", status=400, cookies=[]),
    ),
    "odd.update-user.name-object": (
        "a name is a text",
        _coded(f"{_NAME_TYPE} object", "VALIDATION_ERROR", status=400, cookies=[]),
    ),
    "change-password.other-device-still-in": (
        "a changed password ends every other session",
        {"response": None, "cookies": "<deletion>"},
    ),
    "org.create.unauthenticated": (
        "every error has a body with a code",
        _coded("Unauthorized", "UNAUTHORIZED"),
    ),
    "get-session.stranger-after-non-member-get-full(active nulled)": (
        "a refused GET changes nothing",
        {"response": "<session>"},
    ),
    "org.update-member-role.empty-role": (
        "every error has a body with a code",
        _coded("ROLE_NOT_FOUND: ", "ROLE_NOT_FOUND"),
    ),
    "get-session.removed-member(active NOT cleared)": (
        "a removed member's active organization is unset at once",
        {"response": "<session>"},
    ),
    "org.get-full.removed-member": (
        "a removed member's active organization is unset at once",
        {"status": 200, "response": None},
    ),
    "org.list-invitations.no-active": (
        "every error has a code",
        _coded("Organization ID is required", "NO_ACTIVE_ORGANIZATION"),
    ),
    "org.list-invitations.non-member": (
        "every error has a code",
        _coded(
            "You are not a member of this organization",
            "YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION",
        ),
    ),
    "org.invite.bad-role": (
        "every error has a code",
        _coded("ROLE_NOT_FOUND: zzz", "ROLE_NOT_FOUND"),
    ),
    "org.list-user-invitations.with-email-param": (
        "every error has a code",
        _coded("User email cannot be passed for client side API calls.", "BAD_REQUEST"),
    ),
    "org.update.unauthenticated": ("signed out is one answer everywhere", _SIGNED_OUT),
    "org.get-invitation.unauthenticated": ("as above", _SIGNED_OUT),
    "org.list-user-invitations.unauthenticated": ("as above", {**_SIGNED_OUT, "status": 401}),
    "cookiecache.get-session.stale-after-db-change": (
        "nothing is cached in a cookie: reads are current, and cost no database read",
        {"response": "<session>"},
    ),
    "cookiecache.get-session.disableCookieCache": ("as above", {"response": "<session>"}),
    "cookiecache.get-session.stale-after-session-revoked": (
        "as above",
        {"response": None, "cookies": "<deletion>"},
    ),
    "cookiecache.list-accounts.stale-after-session-revoked": (
        "as above",
        _coded("Unauthorized", "UNAUTHORIZED", status=401),
    ),
    "dontremember.without-marker-cookie-it-IS-refreshed-to-7d": (
        "the wish not to be remembered was the user's, the marker only the browser's",
        {"response": "<session>", "cookies": []},
    ),
    "change-email.same": (
        "every error has a code",
        _coded("Email is the same", "EMAIL_IS_THE_SAME"),
    ),
    "send-verification-email.not-enabled": (
        "there is always a way to send mail",
        {"status": 200, "response": {"status": True}},
    ),
    "change-email.verified-user-without-mailer": (
        "as above",
        {"status": 200, "response": {"status": True}},
    ),
    "csrf.no-cookie.sign-in-social.bad-origin": (
        "an untrusted origin is refused with or without a cookie",
        {"status": 403, "response": _NO_ORIGIN, "cookies": [], "location": None},
    ),
    "quirk.get-full-after-member-user-deleted": (
        "an account that is deleted leaves no membership behind",
        {"status": 200, "response": "<object>"},
    ),
    "quirk.list-members-after-member-user-deleted": (
        "as above",
        {"status": 200, "response": "<object>"},
    ),
    "orgdel.other-member.get-session(active id dangling)": (
        "a deleted organization is active for nobody",
        {"response": "<session>"},
    ),
    "orgdel.other-member.get-full": (
        "a deleted organization is active for nobody",
        {"status": 200, "response": None},
    ),
    "orgdel.other-member.get-active-member": (
        "a deleted organization is active for nobody",
        _coded("No active organization", "NO_ACTIVE_ORGANIZATION"),
    ),
    "features-off.no-org-plugin.list": (
        "organizations are part of the session",
        {"status": 200, "response": []},
    ),
    "options.preflight": (
        "pages of trusted origins may use the API",
        {"status": 204},
    ),
    "ratelimit.sign-in.4": ("every error has a code", _TOO_MANY),
    "ratelimit.sign-in.5": ("every error has a code", _TOO_MANY),
    "ratelimit.ok.101st": (
        "what is answered from memory is not counted",
        {"status": 200, "response": {"ok": True}},
    ),
    "csrf.no-cookie.update-user.bad-origin": (
        "an untrusted origin is refused with or without a cookie",
        {"status": 403, "response": _NO_ORIGIN},
    ),
    "csrf.no-cookie.sign-out.bad-origin": (
        "an untrusted origin is refused with or without a cookie",
        {"status": 403, "response": _NO_ORIGIN, "cookies": []},
    ),
}

ELSEWHERE = {
    "race.": "tests/auth: the losers of a race are told by who came first, not by a recording",
    "callback.google.bad-code": "tests/oidc: needs a provider",
    "callback.google.new-user": "tests/oidc",
    "get-session.google-user": "tests/oidc",
    "list-accounts.google": "tests/oidc",
    "callback.google.existing-user": "tests/oidc",
    "callback.google.email-exists": "tests/oidc",
    "callback.google.requestSignUp": "tests/oidc",
    "change-password.no-credential-account": "tests/oidc",
    "sign-in.email-of-social-only-user": "tests/oidc",
}
"""Recorded exchanges, by how their names begin, that other tests prove."""

EXTRA_FIELDS = {
    "organization", "role", "scope", "refreshAt", "onboarded", "activeOrganizationId",
    "image", "logo", "metadata",
}  # fmt: skip
"""What we show where better-auth shows nothing."""
