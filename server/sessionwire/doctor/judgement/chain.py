"""Which link of the chain breaks, from a browser's cookie to the hook that shows the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.policy.lifetime import Expired, Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from sessionwire.doctor.facts import CookieSeen
    from sessionwire.store.examination.facts import SessionSeen

__all__ = ["judge_cookie", "judge_session", "stands"]

_SETTLED = 10.0
_AGAIN = "Sign in again."


def judge_cookie(seen: CookieSeen) -> Iterator[Finding]:
    """The `Cookie` header by itself."""
    if seen.values == 0:
        yield _absent(seen)
    elif seen.values > 1:
        yield found(
            "cookie-twice",
            Severity.ERROR,
            f"{seen.wanted} was sent {seen.values} times, with different values.",
            remedy="Delete the cookies of this site; another program sets one of them, for a domain"
            " or a path of its own: give it another name.",
            command="export SESSIONWIRE_COOKIE_PREFIX=my-app",
        )
    elif not seen.shape:
        yield found(
            "cookie-malformed",
            Severity.ERROR,
            f"The value of {seen.wanted} is not <token>.<signature>.",
            remedy="Copy the whole value, from the browser's storage or a request's Cookie header.",
        )
    elif not seen.verified:
        yield _unsigned(seen)
    else:
        said = f"{seen.wanted}, signed with this server's secret."
        yield found("session-cookie", Severity.OK, said)


def _absent(seen: CookieSeen) -> Finding:
    alike = [each for each in seen.names if each.endswith(".session_token")]
    if not alike:
        others = f" Others came: {', '.join(seen.names)}." if seen.names else ""
        return found(
            "cookie-absent",
            Severity.ERROR,
            f"There is no {seen.wanted} in the header.{others}",
            remedy="Sign in, and see that the answer's Set-Cookie was kept. Requests to another"
            " origin need credentials: 'include', and one of the same site.",
        )
    other = alike[0]
    plain, secure = ("__Host-", "__Secure-"), other.startswith(("__Host-", "__Secure-"))
    if seen.wanted.removeprefix(plain[0]).removeprefix(plain[1]) == other:
        remedy = "It was set over http: sign in at the https address, and set base_url to it."
    elif secure and not seen.wanted.startswith("__"):
        remedy = "It was set over https: set base_url to the https address that browsers use."
    elif "better-auth" in other:
        remedy = "better-auth set it: share its database with SESSIONWIRE_COMPAT=better-auth."
    else:
        remedy = "Use the cookie_prefix of the server that set it, or sign in at this one."
    return found(
        "cookie-name-differs",
        Severity.ERROR,
        f"{other} was sent; this server looks for {seen.wanted}.",
        remedy=remedy,
    )


def _unsigned(seen: CookieSeen) -> Finding:
    remedies = {
        "development": "The development secret in data_dir signed it: set that as SESSIONWIRE_"
        "PREVIOUS_SECRETS, or sign in again.",
        "better-auth": "better-auth signed it, by this secret: set SESSIONWIRE_COMPAT=better-auth.",
        "sessionwire": "A server without SESSIONWIRE_COMPAT signed it, by this secret: use the"
        " same setting for both.",
        "": "Give every process the same SESSIONWIRE_SECRET; after a change, name the old one in"
        " SESSIONWIRE_PREVIOUS_SECRETS.",
    }
    return found(
        "cookie-signature",
        Severity.ERROR,
        f"The signature of {seen.wanted} is of another secret, or the value was cut.",
        remedy=remedies[seen.signer],
    )


def judge_session(seen: SessionSeen, *, now: datetime, maximum: timedelta) -> Iterator[Finding]:
    """The documents behind a cookie that is well signed."""
    if not seen.session:
        yield _gone(seen)
        return
    verdict = _expiry(seen, now=now, maximum=maximum)
    if verdict is not None:
        yield verdict
        return
    if not seen.user:
        said = f"The session is of the user {seen.user_id}, who does not exist."
        remedy = "Delete the session; if users are in another collection, set user_collection."
        yield found("session-user-missing", Severity.ERROR, said, remedy=remedy)
        return
    if seen.banned:
        said = f"The user {seen.user_id} is banned."
        remedy = "Set user.banned to false, if that is what you want."
        yield found("session-user-banned", Severity.ERROR, said, remedy=remedy)
        return
    yield found("session-document", Severity.OK, f"Valid until {_date(seen.expires_at)}.")
    yield from _judge_user(seen)


def stands(seen: SessionSeen, *, now: datetime, maximum: timedelta) -> bool:
    """Whether the documents make a session that reads show."""
    alive = seen.session and _expiry(seen, now=now, maximum=maximum) is None
    return alive and seen.user and not seen.banned


def _gone(seen: SessionSeen) -> Finding:
    if seen.ended is not None:
        return found(
            "session-ended",
            Severity.ERROR,
            f"The session ended at {_date(seen.ended_at)}: {seen.ended}.",
            remedy=_AGAIN,
        )
    remedy = "Sign in again. If that does not help, the server that made the session looks into"
    remedy += " another database: compare SESSIONWIRE_MONGODB_URI, SESSIONWIRE_DATABASE, data_dir"
    remedy += " and SESSIONWIRE_COMPAT of both."
    said = f"No session has this token; the database has {seen.sessions_in_all or 'no'} sessions."
    return found("session-unknown", Severity.ERROR, said, remedy=remedy)


def _expiry(seen: SessionSeen, *, now: datetime, maximum: timedelta) -> Finding | None:
    if seen.expires_at is None:
        said = "The session's document has no date in expiresAt."
        remedy = "Sign in again, and correct the program that wrote it."
        return found("session-expired", Severity.ERROR, said, remedy=remedy)
    updated = seen.updated_at or seen.expires_at
    span = Span(seen.created_at or updated, updated, seen.expires_at, maximum)
    if not isinstance(span.judge(now=now), Expired):
        return None
    ago = (now - span.ends_at).total_seconds()
    said = f"The session ended {_ago(ago)} ago, at {_date(span.ends_at)}"
    if span.ends_at < seen.expires_at:
        said += f": {maximum.days} days after sign-in (session_maximum_days)"
    elif ago < _SETTLED:
        said += ". If it should not have, compare the clocks"
    return found("session-expired", Severity.ERROR, f"{said}.", remedy=_AGAIN)


def _judge_user(seen: SessionSeen) -> Iterator[Finding]:
    if not seen.onboarded:
        age = "" if seen.user_age is None else f" for {_ago(seen.user_age)}"
        yield found(
            "onboarding-unfinished",
            Severity.ERROR,
            f"The user {seen.user_id} has waited{age} to be set up (onboardedAt is not set).",
            remedy="See that serve runs on this database and follows its change stream; it sets up"
            " at its start everybody whom it missed.",
        )
    else:
        yield found("session-user", Severity.OK, f"The user {seen.user_id} is set up.")
    real = [each for each in seen.memberships if each in seen.existing]
    if not real:
        yield found(
            "no-membership",
            Severity.WARNING,
            f"The user is a member of no organization that exists ({len(seen.memberships)} rows).",
            remedy="Invite them, or let personal_workspace make one for new users.",
        )
    elif seen.active is not None and seen.active not in real:
        yield found(
            "active-organization-refused",
            Severity.WARNING,
            f"activeOrganizationId is {seen.active}, of which the user is no member.",
            remedy=f"Set it to one of theirs, such as {real[0]}.",
        )


def _date(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else moment.isoformat(" ", "seconds")


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
