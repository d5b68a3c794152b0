"""Whether the public address is reached, is ours, and what stands before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.policy.origins import Origins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.doctor.facts import Answered, Fetched, WebSeen
    from sessionwire.settings import Settings

__all__ = ["code_of", "host_refused", "judge_address", "unreached"]

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
_FORWARDING = (
    "proxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header X-Forwarded-Proto $scheme;"
)


def unreached(web: WebSeen) -> Finding | None:
    """Why there is nothing further to look at; None when the server answered."""
    return _unanswered(web) if web.ok.answer is None else _not_ready(web, web.ok.answer)


def judge_address(web: WebSeen, settings: Settings) -> Iterator[Finding]:
    """Whether the settings are those of this address, and of what stands before it."""
    yield from _judge_base_url(web, settings)
    yield from _judge_proxy(web, settings)
    yield from _judge_plain(web.plain)


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
    if code_of(ok) == "MISDIRECTED_REQUEST":
        return host_refused(web)
    who = ok.headers.get("server", "")
    shown = f"{web.ok.url} answers {ok.status}" + (f" ({who})" if who else "")
    if ok.status in (502, 503, 504):
        remedy = "Start serve; if it runs, see its log, and the address in the proxy's upstream."
        return found("url-not-ready", Severity.ERROR, f"{shown}.", remedy=remedy)
    remedy = "Let the proxy pass /api/auth/, /live and the pages on, with their paths unchanged."
    return found("url-not-sessionwire", Severity.ERROR, f"{shown}.", remedy=remedy)


def _judge_base_url(web: WebSeen, settings: Settings) -> Iterator[Finding]:
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
            command=f"export SESSIONWIRE_TRUSTED_PROXIES=10.0.0.5\n{_FORWARDING}",
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


def host_refused(web: WebSeen) -> Finding:
    """The server is reached under a name that is not its own."""
    host = urlsplit(web.url).netloc
    return found(
        "host-refused",
        Severity.ERROR,
        f"The server answers 421 MISDIRECTED_REQUEST for {host}.",
        remedy="Let the proxy pass the Host on (nginx below), or add the name that it sends.",
        command=f"proxy_set_header Host $host;\nexport SESSIONWIRE_ALLOWED_HOSTS={host}",
    )


def _said(answer: Answered) -> object:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def code_of(answer: Answered) -> str:
    """Of an error in the words of the API; empty for anything else."""
    said = _said(answer)
    return str(said.get("code", "")) if isinstance(said, dict) else ""
