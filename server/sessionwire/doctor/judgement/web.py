"""What the public address answers to a stranger, and what is missing from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.doctor.judgement.address import code_of, host_refused, judge_address, unreached
from sessionwire.policy.headers import api_headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sessionwire.doctor.facts import Answered, ClockRead, Fetched, WebSeen
    from sessionwire.settings import Settings

__all__ = ["attributes_lost", "judge_web"]

_CACHE_HITS = ("x-cache", "cf-cache-status", "x-cache-status", "x-proxy-cache", "cache-status")
_ATTRIBUTES = {"path": "/", "httponly": "", "samesite": "lax"}
_SKEW = 5.0


def judge_web(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """Everything but the socket. Only an address that answers is looked at further."""
    refusal = unreached(web)
    if refusal is not None or web.ok.answer is None:
        yield from [] if refusal is None else [refusal]
        return
    milliseconds = web.ok.answer.milliseconds
    yield found("url-answers", Severity.OK, f"{web.url} is ready, in {milliseconds:.0f} ms.")
    yield from judge_address(web, settings)
    yield from _judge_reads(web, settings)
    if web.sign_out is not None:
        yield from _judge_cookies(web.sign_out, settings)
    yield from _judge_poll(web.poll, web.held)
    if web.clock is not None:
        yield _clock(web.clock)


def _judge_reads(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """The session read: its host, its headers, its freshness."""
    if web.first is None or web.first.answer is None:
        return
    first = web.first.answer
    if code_of(first) == "MISDIRECTED_REQUEST":
        yield host_refused(web)
        return
    if first.status != 200:
        said = f"{web.first.url} answers {first.status} {code_of(first)}."
        remedy = "See the server's log, and whether the proxy passes the path on unchanged."
        yield found("session-read-failed", Severity.ERROR, said, remedy=remedy)
        return
    second = None if web.second is None else web.second.answer
    sign = _cache_sign(first, second)
    if sign:
        yield found(
            "session-read-cached",
            Severity.ERROR,
            f"{web.first.url} was answered from a cache: {sign}.",
            remedy="Let the proxy or CDN cache nothing under /api/auth/ and /live.",
            command="location /api/auth/ { proxy_cache off; proxy_pass http://…; }",
        )
    else:
        said = f"{web.first.url} answers null to a stranger, fresh each time."
        yield found("session-read", Severity.OK, said)
    yield from _judge_headers(first, settings)


def _cache_sign(first: Answered, second: Answered | None) -> str:
    for answer in (first, second):
        if answer is None:
            continue
        if answer.headers.get("age", "0") != "0":
            return f"age: {answer.headers['age']}"
        for name in _CACHE_HITS:
            if "hit" in answer.headers.get(name, "").lower():
                return f"{name}: {answer.headers[name]}"
    if second is not None and "date" in first.headers:
        if first.headers["date"] == second.headers.get("date"):
            return f"two answers more than a second apart have the date {first.headers['date']}"
    return ""


def _judge_headers(answer: Answered, settings: Settings) -> Iterator[Finding]:
    wanted = api_headers(secure=settings.secure)
    lost = {
        name: value for name, value in wanted.items() if not _holds(answer.headers, name, value)
    }
    if not lost:
        said = f"All {len(wanted)} headers of an answer of the API."
        yield found("security-headers", Severity.OK, said)
        return
    shown = ", ".join(f"{name}: {answer.headers.get(name, 'absent')}" for name in lost)
    yield found(
        "header-lost",
        Severity.WARNING,
        f"Instead of what the server sends: {shown}.",
        remedy="Let the proxy pass these on as they are:",
        command="\n".join(f"{name}: {value}" for name, value in lost.items()),
    )


def _holds(headers: Mapping[str, str], name: str, value: str) -> bool:
    """HSTS and Vary may say more; the others are what they are."""
    said = headers.get(name)
    if said is None:
        return False
    if name == "strict-transport-security":
        return "max-age=" in said and "max-age=0" not in said
    parts = {each.strip().lower() for each in said.split(",")}
    return value.lower() in parts or said == value


def _judge_cookies(sign_out: Fetched, settings: Settings) -> Iterator[Finding]:
    """Signing out deletes the cookies of somebody who has none, with all their attributes."""
    answer = sign_out.answer
    if answer is None or answer.status != 200:
        return  # a refused origin is the socket's finding, too
    if not answer.set_cookies:
        said = f"{sign_out.url} answers 200 without its Set-Cookie lines."
        remedy = "Let the proxy pass Set-Cookie on; some drop it from answers that they cache."
        yield found("cookie-not-set", Severity.ERROR, said, remedy=remedy)
        return
    lost = [each for line in answer.set_cookies for each in attributes_lost(line, settings)]
    if not lost:
        said = f"{len(answer.set_cookies)} lines, each with Path=/, HttpOnly, SameSite=Lax"
        said += ", Secure." if settings.secure else "."
        yield found("cookie-attributes", Severity.OK, said)
        return
    yield found(
        "cookie-attributes-lost",
        Severity.ERROR,
        f"{'; '.join(dict.fromkeys(lost))}.",
        remedy="Let the proxy pass Set-Cookie on unchanged: no proxy_cookie_flags, _path, _domain.",
    )


def attributes_lost(line: str, settings: Settings) -> Iterator[str]:
    """What is missing from a Set-Cookie line of ours, or too much in it."""
    pair, *rest = [each.strip() for each in line.split(";")]
    name = pair.partition("=")[0]
    given = {key.lower(): value for key, _, value in (each.partition("=") for each in rest)}
    for attribute, value in _ATTRIBUTES.items():
        if attribute not in given:
            yield f"{name} has no {attribute}"
        elif value and given[attribute].lower() != value:
            yield f"{name} has {attribute}={given[attribute]}, not {value}"
    if settings.secure and "secure" not in given:
        yield f"{name} has no secure"
    if "domain" in given:
        yield f"{name} has domain={given['domain']}, which no cookie called __Host- may have"


def _judge_poll(poll: Fetched | None, held: Fetched | None) -> Iterator[Finding]:
    if poll is None:
        return
    if poll.answer is None or poll.answer.status not in (200, 204):
        said = poll.said if poll.answer is None else f"{poll.answer.status} {code_of(poll.answer)}"
        remedy = "Let the proxy pass POST /live/poll on, with its body, Origin and Content-Type."
        yield found("long-poll-failed", Severity.ERROR, f"{poll.url}: {said}", remedy=remedy)
        return
    if held is None:
        said = f"{poll.url} answers {poll.answer.status} in {poll.answer.milliseconds:.0f} ms."
        yield found("long-poll", Severity.OK, said)
    elif held.answer is None or held.answer.status not in (200, 204):
        said = held.said if held.answer is None else f"{held.answer.status}"
        yield found(
            "long-poll-failed",
            Severity.ERROR,
            f"A poll that waits was not answered by the server: {said}",
            remedy="Let the proxy wait longer than the heartbeat of 25 s.",
            command="proxy_read_timeout 90s;\nproxy_buffering off;",
        )
    else:
        waited = held.answer.milliseconds / 1000
        said = f"A poll was held for {waited:.1f} s and answered {held.answer.status}."
        yield found("long-poll", Severity.OK, said)


def _clock(clock: ClockRead) -> Finding:
    said = (
        f"The server's Date is {clock.offset:+.1f} s from this clock (± {clock.uncertainty:.1f})."
    )
    if abs(clock.offset) - clock.uncertainty <= _SKEW:
        return found("web-clock", Severity.OK, said)
    remedy = "Let both machines follow NTP."
    command = "timedatectl set-ntp true"
    return found("web-clock", Severity.WARNING, said, remedy=remedy, command=command)
