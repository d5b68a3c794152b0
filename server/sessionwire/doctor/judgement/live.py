"""What became of a handshake, seen by a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.doctor.facts import LiveSeen

__all__ = ["NGINX", "judge_foreign", "judge_live", "not_upgraded"]

SUBPROTOCOL = "sessionwire.v1"
NGINX = (
    "location /live {\n"
    "    proxy_pass http://…;\n"
    "    proxy_http_version 1.1;\n"
    "    proxy_set_header Upgrade $http_upgrade;\n"
    '    proxy_set_header Connection "upgrade";\n'
    "    proxy_set_header Host $host;\n"
    "    proxy_read_timeout 90s;\n"
    "}"
)
_REFUSALS = frozenset(
    {
        "INVALID_HOST", "INVALID_HANDSHAKE", "INVALID_SUBPROTOCOL", "MISDIRECTED_REQUEST",
        "INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN", "TOO_MANY_CONNECTIONS", "SERVICE_UNAVAILABLE",
    }
)  # fmt: skip
"""docs/protocol.md, Handshake. With any other code the server saw no handshake at all."""
_FAR_MS = 300.0
_PINGS = 20.0
"""serve pings an idle socket this often; a cut before the second one is a very short timeout."""


def judge_live(live: LiveSeen) -> Iterator[Finding]:
    """A handshake of the page's own origin, without a cookie."""
    if not live.upgraded:
        refused = live.code in _REFUSALS
        yield _refused(live) if refused else not_upgraded(live, "socket-not-upgraded")
        return
    if not live.hello:
        yield found(
            "socket-silent",
            Severity.ERROR,
            f"{live.url} was upgraded, and no hello came. {live.error}".strip(),
            remedy="Let the proxy pass frames on at once, without buffering.",
            command=NGINX,
        )
        return
    yield found("socket-upgraded", Severity.OK, f"{live.url}, hello received.")
    if live.subprotocol != SUBPROTOCOL:
        yield found(
            "subprotocol-lost",
            Severity.WARNING,
            f"{SUBPROTOCOL} was offered, and {live.subprotocol or 'none'} came back.",
            remedy="Let the proxy pass Sec-WebSocket-Protocol on in both directions.",
            command="proxy_set_header Sec-WebSocket-Protocol $http_sec_websocket_protocol;",
        )
    if live.round_trip_ms is not None:
        yield _round_trip(live.round_trip_ms)
    if live.idle_seconds is not None:
        yield _idle(live, live.idle_seconds)


def judge_foreign(live: LiveSeen) -> Iterator[Finding]:
    """A handshake of an origin that nobody trusts."""
    if live.upgraded:
        yield found(
            "foreign-origin-accepted",
            Severity.ERROR,
            f"{live.url} was upgraded for the origin {live.origin}.",
            remedy="Let the proxy pass Origin on as the browser sent it.",
            command="proxy_set_header Origin $http_origin;",
        )


def not_upgraded(live: LiveSeen, code: str) -> Finding:
    """Something before the server answered the handshake."""
    who = f" ({live.server})" if live.server else ""
    said = live.fault or f"answered {live.status}{who} in place of 101"
    if live.code == "NOT_FOUND":
        said = "reached the server without its upgrade, and was answered as a plain request"
    return found(
        code,
        Severity.ERROR,
        f"{live.url}: {said}.",
        remedy="Let the proxy pass the upgrade on; for nginx:",
        command=NGINX,
    )


def _refused(live: LiveSeen) -> Finding:
    if live.code in ("INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN"):
        remedy = "Set base_url to the public address, or add the origin to trusted_origins."
        command = f"export SESSIONWIRE_BASE_URL={live.origin}"
        if live.code == "MISSING_OR_NULL_ORIGIN":
            remedy, command = "Let the proxy pass Origin on.", NGINX
    elif live.code == "INVALID_HANDSHAKE":
        remedy, command = "Let the proxy pass Upgrade and Connection on; for nginx:", NGINX
    elif live.code == "MISDIRECTED_REQUEST":
        remedy, command = "Let the proxy pass the Host on.", "proxy_set_header Host $host;"
    else:
        remedy, command = "See the server's log.", ""
    said = f"{live.url} answers {live.status} {live.code} to the origin {live.origin}."
    return found("socket-refused", Severity.ERROR, said, remedy=remedy, command=command)


def _round_trip(milliseconds: float) -> Finding:
    said = f"A frame and its answer took {milliseconds:.1f} ms."
    if milliseconds <= _FAR_MS:
        return found("frame-round-trip", Severity.OK, said)
    remedy = "Serve from a region nearer to your users, or see what the proxy does with frames."
    return found("frame-round-trip", Severity.WARNING, said, remedy=remedy)


def _idle(live: LiveSeen, seconds: float) -> Finding:
    if live.cut_after is None:
        return found(
            "socket-idle", Severity.OK, f"Still open after {seconds:.0f} s without a frame."
        )
    said = (
        f"Cut after {live.cut_after:.1f} s without a frame (close code {live.cut_code or 'none'})."
    )
    if live.bye:
        remedy = f"The server said {live.bye}: see its log."
        return found("socket-cut", Severity.WARNING, said, remedy=remedy)
    return found(
        "socket-cut",
        Severity.ERROR if live.cut_after < _PINGS else Severity.WARNING,
        said,
        remedy="Let the proxy keep idle connections for more than 60 s; serve pings every 20 s.",
        command="proxy_read_timeout 90s;\nproxy_send_timeout 90s;",
    )
