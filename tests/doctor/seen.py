"""Findings, looked at by tests; and the facts of a set-up in which nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.doctor.facts import Answered, Fetched, LiveSeen, WebSeen
from sessionwire.policy.headers import api_headers
from sessionwire.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionwire.doctor.finding import Finding

__all__ = ["SECRET", "answered", "bad", "codes", "good_web", "live", "only", "settings"]

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"  # of these tests only
URL = "https://app.example.com"


def codes(findings: Iterable[Finding], *severities: str) -> list[str]:
    """The codes, of these severities or of all."""
    return [each.code for each in findings if not severities or each.severity in severities]


def bad(findings: Iterable[Finding]) -> set[str]:
    """The codes of warnings and errors."""
    return set(codes(findings, "warning", "error"))


def only(findings: Iterable[Finding], code: str) -> Finding:
    """The one finding of this code."""
    (found,) = [each for each in findings if each.code == code]
    return found


def settings(*, secret: str = SECRET, **changed: Any) -> Settings:
    """Of production at URL, unless it says otherwise; not refused for what is changed."""
    good = load_settings(
        environment="production",
        base_url=URL,
        secret=secret,
        mongodb_uri="mongodb://db.example.com/?replicaSet=rs0",
        smtp_host="localhost",
    )
    return good.model_copy(update=changed)


def answered(status: int = 200, body: bytes = b"null", **headers: str) -> Fetched:
    """An answer as the server sends it, with these headers changed; one that is "" is absent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    all_of_them = {**api_headers(secure=True), **named}
    kept = {name: value for name, value in all_of_them.items() if value}
    return Fetched(f"{URL}/api/auth/get-session", Answered(status, kept, body, 12.0))


def good_web(**changed: Any) -> WebSeen:
    """What a good set-up answers, with this changed."""
    line = "__Host-sessionwire.session_token=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"
    sign_out = Fetched(URL, Answered(200, {}, b"{}", 5.0, (line,)))
    seen = {
        "url": URL,
        "given": True,
        "ok": Fetched(f"{URL}/api/auth/ok", Answered(200, {}, b'{"ok":true}', 10.0)),
        "plain": Fetched("http://app.example.com/", Answered(308, {"location": URL}, b"", 5.0)),
        "first": answered(date="Sat, 28 Nov 2026 10:00:00 GMT"),
        "second": answered(date="Sat, 28 Nov 2026 10:00:01 GMT"),
        "sign_out": sign_out,
        "poll": answered(),
    }
    return WebSeen(**{**seen, **changed})


def live(**changed: Any) -> LiveSeen:
    """What a good handshake shows, with this changed."""
    seen = {"url": "wss://app.example.com/live", "origin": URL, "hello": True}
    seen |= {"subprotocol": "sessionwire.v1", "round_trip_ms": 20.0, "live": True}
    return LiveSeen(**{**seen, **changed})
