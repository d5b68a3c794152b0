"""What HTTP, the live socket and the application's own route show to the holder of a cookie."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.doctor.judgement.live import not_upgraded
from sessionwire.policy.origins import Origins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.doctor.facts import Answered, Fetched, LiveSeen, RouteSeen
    from sessionwire.settings import Settings

__all__ = ["Wires", "judge_origin", "judge_route", "judge_wires", "user_in"]


_SAME = (
    "Run the doctor where serve runs, with its environment: SESSIONWIRE_SECRET,"
    " SESSIONWIRE_MONGODB_URI, SESSIONWIRE_DATABASE, SESSIONWIRE_DATA_DIR and SESSIONWIRE_COMPAT"
    " have to be the same in every process."
)


@dataclass(frozen=True, slots=True)
class Wires:
    """The same cookie, everywhere. `bearer` is the read with the value as a bearer token."""

    read: Fetched
    bearer: Fetched | None
    after: Fetched | None
    live: LiveSeen
    pages: bool
    """Whether the server serves pages."""
    standing: bool | None
    """Whether the session stands by the documents in MongoDB; None: that was not to be asked."""


def judge_wires(wires: Wires) -> Iterator[Finding]:
    """Who shows the session and who does not; of one that does not stand, only who shows it."""
    shown = user_in(wires.read.answer)
    if wires.standing is False:
        yield from [] if shown is None else [_shown_nevertheless(shown)]
        return
    if wires.standing is None and shown is None:
        said = "get-session shows no session, and MongoDB could not be asked why."
        yield found("session-not-asked", Severity.NOTE, said)
        return
    yield _read(wires, shown)
    if wires.after is not None:
        yield from _judge_after(wires.after, wires.pages)
    yield from _judge_live(wires.live, shown)


def user_in(answer: Answered | None) -> str | None:
    """Whose session an answer of get-session shows."""
    if answer is None or answer.status != 200:
        return None
    try:
        said = json.loads(answer.body)
        return str(said["user"]["id"])
    except (ValueError, TypeError, KeyError):
        return None


def _read(wires: Wires, shown: str | None) -> Finding:
    answer = wires.read.answer
    if shown is not None:
        return found("http-read", Severity.OK, f"get-session shows the user {shown}.")
    if answer is None or answer.status != 200:
        said = wires.read.said if answer is None else f"{answer.status}"
        remedy = "See the findings about the public address, and the server's log."
        return found("http-read-unavailable", Severity.ERROR, f"get-session: {said}", remedy=remedy)
    if wires.bearer is not None and user_in(wires.bearer.answer) is not None:
        return found(
            "cookie-dropped",
            Severity.ERROR,
            "get-session shows null for the cookie, and the user for the same value as a bearer.",
            remedy="Let the proxy pass Cookie on; a CDN drops it where it caches.",
            command="proxy_set_header Cookie $http_cookie;",
        )
    return found(
        "server-differs",
        Severity.ERROR,
        "get-session shows null, although the session stands in this database.",
        remedy=_SAME,
    )


def _shown_nevertheless(shown: str) -> Finding:
    return found(
        "server-differs",
        Severity.ERROR,
        f"get-session shows the user {shown}, with a cookie that is worth nothing here.",
        remedy=_SAME,
    )


def _judge_after(after: Fetched, pages: bool) -> Iterator[Finding]:
    answer = after.answer
    if answer is None:
        said = f"{after.url}: {after.said}"
    elif answer.status in (302, 303) and "/sign-in" not in answer.headers.get("location", ""):
        yield found("after-page", Severity.OK, f"{after.url} answers {answer.status}.")
        return
    elif answer.status == 404 and not pages:
        return  # an application's own pages do it
    elif answer.status == 503 and b"html" in answer.body[:200].lower():
        said = f"{after.url} waited for the user to be set up, and gave up"
    else:
        said = f"{after.url} answers {answer.status} {answer.headers.get('location', '')}".strip()
    yield found(
        "after-unreachable",
        Severity.ERROR,
        f"{said}.",
        remedy="Let the proxy pass /auth/after on, without a redirect of its own; in the browser"
        " see that no ad blocker stops it.",
    )


def _judge_live(live: LiveSeen, shown: str | None) -> Iterator[Finding]:
    if live.code in ("INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN"):
        yield _origin_refused(live)
    elif not live.upgraded:
        yield not_upgraded(live, "hook-pending-no-socket")
    elif live.error == "version_unavailable":
        yield _pending(
            "hook-pending-version",
            live,
            "The subscription's result is version_unavailable.",
            "See that every process reads the same replica set, and how far it lags.",
        )
    elif live.live is False and not live.update:
        yield _pending(
            "hook-pending-stale",
            live,
            "The server says that it is not live.",
            "See its log: it has lost MongoDB's change stream, and tries again.",
        )
    elif not live.update:
        yield _pending(
            "hook-pending-no-update",
            live,
            "pending came, and no update." if live.pending else "Nothing came after hello.",
            "See the server's log, and whether something between buffers frames.",
        )
    elif live.user_id != shown:
        yield found(
            "wires-disagree",
            Severity.ERROR,
            f"HTTP shows {shown or 'null'}, the live socket {live.user_id or 'null'}.",
            remedy="Let /live and /api/auth/ reach the same servers, both with Cookie and Host.",
        )
    elif live.user_id is not None:
        yield found("socket-read", Severity.OK, f"The socket shows the user {live.user_id}.")


def _origin_refused(live: LiveSeen) -> Finding:
    return found(
        "origin-refused",
        Severity.ERROR,
        f"The handshake of the origin {live.origin} is refused: {live.code}.",
        remedy="Trust it, letter by letter: scheme, host and port.",
        command=f"export SESSIONWIRE_TRUSTED_ORIGINS={live.origin}",
    )


def _pending(code: str, live: LiveSeen, said: str, remedy: str) -> Finding:
    return found(code, Severity.ERROR, f"{live.url}: {said}", remedy=remedy)


def judge_origin(origin: str, url: str, settings: Settings) -> Iterator[Finding]:
    """A page's origin against the settings, and against the site of the public address."""
    if not _trusts(settings, origin) and origin != url:
        yield found(
            "origin-refused",
            Severity.ERROR,
            f"{origin} is neither base_url ({settings.base_url}) nor in trusted_origins.",
            remedy="Trust it, letter by letter: scheme, host and port.",
            command=f"export SESSIONWIRE_TRUSTED_ORIGINS={origin}",
        )
    if not _same_site(origin, url):
        yield found(
            "origin-cross-site",
            Severity.ERROR,
            f"{origin} and {url} are not of one site.",
            remedy="Serve the page under the same domain, or pass /api/auth/ and /live on through"
            " the page's own server.",
        )


def _trusts(settings: Settings, origin: str) -> bool:
    """What is no list of origins is refused by the start already."""
    with contextlib.suppress(ValueError):
        known = Origins(settings.base_url, settings.origins, any_port=settings.any_port)
        return known.trusts(origin)
    return True


def _same_site(one: str, other: str) -> bool:
    """Scheme, and the end of the name, as far as it can be told without the list of suffixes."""
    first, second = urlsplit(one), urlsplit(other)
    a, b = first.hostname or "", second.hostname or ""
    if first.scheme != second.scheme:
        return False
    if a == b or a.replace(".", "").isdigit() or ":" in a:
        return a == b
    return a.split(".")[-2:] == b.split(".")[-2:] and "." in a


def judge_route(route: RouteSeen) -> Iterator[Finding]:
    """The application's own route: it should tell the holder of the cookie from a stranger."""
    with_cookie, without = route.with_cookie.answer, route.without.answer
    if with_cookie is None or without is None:
        said = f"{route.path}: {route.with_cookie.said or route.without.said}"
        yield _route_refused(said, "See the findings about the public address.")
    elif with_cookie.status == 421:
        said = f"{route.path} answers 421: its Host is not served."
        yield _route_refused(said, "Ask it under the host of base_url, or add to allowed_hosts.")
    elif with_cookie.status in (404, 405):
        said = f"{route.path} answers {with_cookie.status}."
        yield _route_refused(said, "Name a route that answers GET to somebody who is signed in.")
    elif _cacheable(with_cookie):
        yield found(
            "route-cached",
            Severity.ERROR,
            f"{route.path} says {with_cookie.headers.get('cache-control', 'nothing')} of caching.",
            remedy="Answer with secure_user_json, or wrap the route in no_store (docs/helpers.md).",
        )
    elif (with_cookie.status, with_cookie.body) == (without.status, without.body):
        yield found(
            "route-sees-no-session",
            Severity.ERROR,
            f"{route.path} answers {with_cookie.status} alike with the cookie and without.",
            remedy="Pass the request's headers: await auth.api.get_session(headers="
            "request.headers), or get_current_session(request); a call from server to server has"
            " to send the browser's Cookie on, to the host of base_url.",
        )
    else:
        said = f"{route.path}: {with_cookie.status} with the cookie, {without.status} without."
        yield found("route-session", Severity.OK, said)


def _route_refused(said: str, remedy: str) -> Finding:
    return found("route-refused", Severity.ERROR, said, remedy=remedy)


def _cacheable(answer: Answered) -> bool:
    said = answer.headers.get("cache-control", "")
    return answer.status == 200 and "no-store" not in said and "private" not in said
