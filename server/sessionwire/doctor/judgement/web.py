"""What the public address answers to a stranger, and what is missing from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.policy.headers import api_headers
from sessionwire.policy.origins import Origins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sessionwire.doctor.facts import Answered, ClockRead, Fetched, WebSeen
    from sessionwire.settings import Settings

__all__ = ["attributes_lost", "judge_web"]

_BY_FAULT: dict[str, tuple[str, str, str]] = {
    "dns": ("url-name-unknown", "Make the DNS entry, or correct the name.", "getent hosts {host}"),
    "refused": (
        "url-refused",
        "Start serve, or the proxy before it, and open the port.",
        "nc -vz {host} {port}",
    ),
    "timeout": ("url-timeout", "Open the firewall between here and there.", "curl -v {url}"),
    "certificate": (
        "url-certificate",
        "Renew the proxy's certificate, for this very name and with its intermediates.",
        "openssl s_client -connect {host}:{port} -servername {host} </dev/null",
    ),
    "other": ("url-unreachable", "See the log of the proxy.", "curl -v {url}"),
}
_PROXY_HEADERS = ("via", "cf-ray", "x-served-by", "x-cache", "x-amz-cf-id", "fly-request-id",
                  "x-envoy-upstream-service-time", "x-vercel-id")  # fmt: skip
_CACHE_HITS = ("x-cache", "cf-cache-status", "x-cache-status", "x-proxy-cache", "cache-status")
_ATTRIBUTES = {"path": "/", "httponly": "", "samesite": "lax"}
_SKEW = 5.0
_FORWARDING = (
    "proxy_set_header Host $host;\n"
    "proxy_set_header X-Forwarded-For $remote_addr;\n"
    "proxy_set_header X-Forwarded-Proto $scheme;"
)


def judge_web(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """Everything but the socket. Only an address that answers is looked at further."""
    if web.ok.answer is None:
        yield _unanswered(web)
        return
    refusal = _not_ready(web, web.ok.answer)
    if refusal is not None:
        yield refusal
        return
    yield found(
        "url-answers",
        Severity.OK,
        f"{web.url} is ready, in {web.ok.answer.milliseconds:.0f} ms.",
    )
    yield from _judge_address(web, settings)
    yield from _judge_proxy(web, settings)
    yield from _judge_plain(web.plain)
    yield from _judge_reads(web, settings)
    if web.sign_out is not None:
        yield from _judge_cookies(web.sign_out, settings)
    yield from _judge_poll(web.poll, web.held)
    if web.clock is not None:
        yield _clock(web.clock)


def _unanswered(web: WebSeen) -> Finding:
    parts = urlsplit(web.url)
    if not web.given and web.ok.fault in ("refused", "dns", "timeout"):
        said = f"{web.url} does not answer: {web.ok.said}"
        remedy = "Start serve and ask again, or name the public address."
        command = "sessionwire doctor --url https://app.example.com"
        return found("url-skipped", Severity.NOTE, said, remedy=remedy, command=command)
    code, remedy, command = _BY_FAULT[web.ok.fault or "other"]
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    return found(
        code,
        Severity.ERROR,
        f"{web.url}: {web.ok.said}",
        remedy=remedy,
        command=command.format(host=parts.hostname, port=port, url=web.ok.url),
    )


def _not_ready(web: WebSeen, ok: Answered) -> Finding | None:
    said = _said(ok)
    if ok.status == 200 and isinstance(said, dict) and said.get("ok") is True:
        return None
    if _code(ok) == "MISDIRECTED_REQUEST":
        return _host_refused(web)
    who = ok.headers.get("server", "")
    shown = f"{web.ok.url} answers {ok.status}" + (f" ({who})" if who else "")
    if ok.status in (502, 503, 504):
        remedy = "Start serve; if it runs, see its log, and the address in the proxy's upstream."
        return found("url-not-ready", Severity.ERROR, f"{shown}.", remedy=remedy)
    remedy = "Let the proxy pass /api/auth/, /live and the pages on, with their paths unchanged."
    return found("url-not-sessionwire", Severity.ERROR, f"{shown}.", remedy=remedy)


def _judge_address(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """Whether the settings are those of this address."""
    if "base_url" not in settings.model_fields_set and not web.url.startswith("https:"):
        return
    if Origins(settings.base_url).trusts(web.url):
        return
    yield found(
        "base-url-differs",
        Severity.ERROR,
        f"base_url is {settings.base_url}, and the public address is {web.url}.",
        remedy="Set it to the address that browsers show, and start serve again.",
        command=f"export SESSIONWIRE_BASE_URL={web.url}",
    )


def _judge_proxy(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """serve speaks no TLS and calls itself nothing: what does is a proxy."""
    if settings.trusted_proxies or web.ok.answer is None:
        return
    headers = web.ok.answer.headers
    signs = [f"{name}: {headers[name]}" for name in _PROXY_HEADERS if name in headers]
    if "server" in headers:
        signs.append(f"server: {headers['server']}")
    if not signs and web.url.startswith("https:"):
        signs.append("https, which serve does not speak itself")
    if signs:
        yield found(
            "proxy-untrusted",
            Severity.WARNING,
            f"There is a proxy ({signs[0]}), and trusted_proxies is not set.",
            remedy="Name its address, and let it set X-Forwarded-For and X-Forwarded-Proto.",
            command="export SESSIONWIRE_TRUSTED_PROXIES=10.0.0.5",
        )


def _judge_plain(plain: Fetched | None) -> Iterator[Finding]:
    if plain is None:
        return
    if plain.answer is None:
        said = f"{plain.url} does not answer ({plain.fault})."
        remedy = "Let port 80 redirect to https."
        yield found("https-redirect", Severity.NOTE, said, remedy=remedy)
        return
    target = plain.answer.headers.get("location", "")
    if plain.answer.status in (301, 302, 307, 308) and target.startswith("https://"):
        yield found("https-redirect", Severity.OK, f"{plain.answer.status} to {target}")
        return
    yield found(
        "https-redirect",
        Severity.WARNING,
        f"{plain.url} answers {plain.answer.status} over http.",
        remedy="Let port 80 redirect to https, and serve nothing else.",
        command="return 308 https://$host$request_uri;",
    )


def _judge_reads(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """The session read: its host, its headers, its freshness."""
    if web.first is None or web.first.answer is None:
        return
    first = web.first.answer
    if _code(first) == "MISDIRECTED_REQUEST":
        yield _host_refused(web)
        return
    if first.status != 200:
        said = f"{web.first.url} answers {first.status} {_code(first)}."
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


def _host_refused(web: WebSeen) -> Finding:
    host = urlsplit(web.url).netloc
    return found(
        "host-refused",
        Severity.ERROR,
        f"The server answers 421 MISDIRECTED_REQUEST for {host}.",
        remedy="Let the proxy pass the Host on (nginx below), or add the name that it sends.",
        command=f"proxy_set_header Host $host;\nexport SESSIONWIRE_ALLOWED_HOSTS={host}",
    )


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
        said = poll.said if poll.answer is None else f"{poll.answer.status} {_code(poll.answer)}"
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


def _said(answer: Answered) -> object:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _code(answer: Answered) -> str:
    said = _said(answer)
    return str(said.get("code", "")) if isinstance(said, dict) else ""
