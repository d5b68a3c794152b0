"""What a public address and its sockets mean, by facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from doctor.seen import URL, answered, bad, codes, good_web, live, only, settings
from sessionwire.doctor.facts import Answered, ClockRead, Fetched, RouteSeen, WebSeen
from sessionwire.doctor.judgement.live import judge_foreign, judge_live
from sessionwire.doctor.judgement.web import attributes_lost, judge_web
from sessionwire.doctor.judgement.wires import Wires, judge_origin, judge_route, judge_wires

COOKIE = "__Host-sessionwire.session_token=x"
PROXIED = settings(trusted_proxies=("10.0.0.5",))
ALICE = b'{"session":{},"user":{"id":"alice"}}'


def web_bad(web: WebSeen, **changed: Any) -> set[str]:
    return bad(judge_web(web, settings(trusted_proxies=("10.0.0.5",), **changed)))


def test_nothing_is_wrong_with_a_good_address() -> None:
    assert web_bad(good_web()) == set()
    assert set(codes(judge_web(good_web(), PROXIED), "ok")) == {
        "url-answers", "https-redirect", "session-read", "security-headers",
        "cookie-attributes", "long-poll",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("dns", "url-name-unknown"),
        ("refused", "url-refused"),
        ("timeout", "url-timeout"),
        ("certificate", "url-certificate"),
        ("other", "url-unreachable"),
    ],
)
def test_each_way_of_not_answering_has_a_finding_of_its_own(fault: Any, code: str) -> None:
    silent = Fetched(URL, fault=fault, said="so it said")
    assert web_bad(good_web(ok=silent)) == {code}


def test_an_address_that_nobody_asked_for_may_be_silent() -> None:
    silent = Fetched(URL, fault="refused", said="refused")
    assert codes(judge_web(good_web(ok=silent, given=False), PROXIED)) == ["url-skipped"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (502, b"<html>", "url-not-ready"),
        (503, b'{"code":"SERVICE_UNAVAILABLE"}', "url-not-ready"),
        (404, b"<html>", "url-not-sessionwire"),
        (200, b"<html>It works!</html>", "url-not-sessionwire"),
        (421, b'{"code":"MISDIRECTED_REQUEST"}', "host-refused"),
    ],
)
def test_what_answers_in_place_of_the_server_is_named(status: int, body: bytes, code: str) -> None:
    wrong = Fetched(URL, Answered(status, {"server": "nginx"}, body, 5.0))
    assert web_bad(good_web(ok=wrong)) == {code}


def test_an_address_that_is_not_base_url_is_an_error() -> None:
    assert web_bad(good_web(url="https://www.example.com")) == {"base-url-differs"}
    plain = settings(environment="development", base_url="http://127.0.0.1:8000")
    assert "base-url-differs" in bad(judge_web(good_web(), plain))


def test_a_proxy_that_nobody_trusts_is_a_warning() -> None:
    assert bad(judge_web(good_web(), settings())) == {"proxy-untrusted"}  # https alone tells
    ok = Fetched(URL, Answered(200, {"server": "nginx/1.27"}, b'{"ok":true}', 5.0))
    finding = only(judge_web(good_web(ok=ok), settings()), "proxy-untrusted")
    assert "nginx/1.27" in finding.seen


def test_http_that_is_served_in_clear_is_a_warning() -> None:
    served = Fetched("http://app.example.com/", Answered(200, {}, b"", 5.0))
    assert web_bad(good_web(plain=served)) == {"https-redirect"}
    silent = Fetched("http://app.example.com/", fault="refused")
    assert codes(judge_web(good_web(plain=silent), PROXIED), "note") == ["https-redirect"]


def test_a_host_that_the_proxy_changed_is_an_error() -> None:
    refused = answered(421, b'{"code":"MISDIRECTED_REQUEST"}')
    assert web_bad(good_web(first=refused)) == {"host-refused"}


def test_a_session_read_that_fails_is_an_error() -> None:
    assert web_bad(good_web(first=answered(500, b"{}"))) == {"session-read-failed"}


@pytest.mark.parametrize(
    "headers", [{"age": "12"}, {"x_cache": "HIT from edge"}, {"cf_cache_status": "HIT"}]
)
def test_a_read_from_a_cache_is_an_error(headers: dict[str, Any]) -> None:
    assert web_bad(good_web(second=answered(date="x", **headers))) == {"session-read-cached"}


def test_two_reads_of_one_moment_came_from_a_cache() -> None:
    same = answered(date="Sat, 28 Nov 2026 10:00:00 GMT")
    assert web_bad(good_web(second=same)) == {"session-read-cached"}


def test_a_header_that_was_lost_is_named_with_its_value() -> None:
    changed = answered(date="a", cache_control="max-age=60", content_security_policy="")
    finding = only(judge_web(good_web(first=changed), PROXIED), "header-lost")
    assert "cache-control: max-age=60" in finding.seen
    assert "content-security-policy: default-src 'none'" in finding.command


def test_vary_and_hsts_may_say_more() -> None:
    more = answered(
        date="a", vary="Accept-Encoding, Cookie", strict_transport_security="max-age=63072000"
    )
    assert web_bad(good_web(first=more)) == set()


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        (f"{COOKIE}; Path=/; HttpOnly; Secure; SameSite=Lax", 0),
        (f"{COOKIE}; path=/; httponly; secure; samesite=lax", 0),
        (f"{COOKIE}; Path=/; HttpOnly; SameSite=Lax", 1),
        (f"{COOKIE}; Path=/app; Secure; SameSite=None", 3),
        (f"{COOKIE}; Path=/; HttpOnly; Secure; SameSite=Lax; Domain=example.com", 1),
    ],
)
def test_each_attribute_that_a_proxy_changed_is_counted(line: str, lost: int) -> None:
    assert len(list(attributes_lost(line, settings()))) == lost


def test_cookies_that_were_lost_or_changed_are_errors() -> None:
    none = Fetched(URL, Answered(200, {}, b"{}", 5.0))
    assert web_bad(good_web(sign_out=none)) == {"cookie-not-set"}
    changed = Fetched(URL, Answered(200, {}, b"{}", 5.0, (f"{COOKIE}; Path=/",)))
    assert web_bad(good_web(sign_out=changed)) == {"cookie-attributes-lost"}


def test_a_poll_that_is_not_passed_on_or_not_waited_for_is_an_error() -> None:
    gone = Fetched(URL, Answered(405, {}, b"", 5.0))
    assert web_bad(good_web(poll=gone)) == {"long-poll-failed"}
    cut = Fetched(URL, Answered(504, {}, b"", 5.0))
    assert web_bad(good_web(held=cut)) == {"long-poll-failed"}
    assert web_bad(good_web(held=Fetched(URL, Answered(204, {}, b"", 25_000.0)))) == set()


def test_a_clock_far_from_ours_is_a_warning() -> None:
    assert web_bad(good_web(clock=ClockRead(4.0, 0.6))) == set()
    assert web_bad(good_web(clock=ClockRead(-90.0, 0.6))) == {"web-clock"}


def test_a_good_socket_is_well() -> None:
    findings = list(judge_live(live(idle_seconds=70.0)))
    assert codes(findings) == ["socket-upgraded", "frame-round-trip", "socket-idle"]
    assert bad(findings) == set()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"status": 200, "server": "nginx"}, "socket-not-upgraded"),
        ({"status": 404, "code": "NOT_FOUND"}, "socket-not-upgraded"),
        ({"fault": "connection closed"}, "socket-not-upgraded"),
        ({"status": 403, "code": "INVALID_ORIGIN"}, "socket-refused"),
        ({"status": 403, "code": "MISSING_OR_NULL_ORIGIN"}, "socket-refused"),
        ({"status": 421, "code": "MISDIRECTED_REQUEST"}, "socket-refused"),
        ({"status": 400, "code": "INVALID_HANDSHAKE"}, "socket-refused"),
        ({"status": 429, "code": "TOO_MANY_CONNECTIONS"}, "socket-refused"),
        ({"hello": False}, "socket-silent"),
        ({"subprotocol": None}, "subprotocol-lost"),
        ({"round_trip_ms": 900.0}, "frame-round-trip"),
        ({"idle_seconds": 70.0, "cut_after": 60.1}, "socket-cut"),
    ],
)
def test_each_way_of_a_socket_to_fail_is_named(changed: dict[str, Any], code: str) -> None:
    assert bad(judge_live(live(**changed))) == {code}


def test_a_socket_cut_before_a_ping_could_help_is_an_error() -> None:
    early = only(judge_live(live(idle_seconds=70.0, cut_after=10.0)), "socket-cut")
    late = only(judge_live(live(idle_seconds=70.0, cut_after=60.0, cut_code=1006)), "socket-cut")
    said = only(judge_live(live(idle_seconds=70.0, cut_after=9.0, bye="shutdown")), "socket-cut")
    assert (early.severity, late.severity, said.severity) == ("error", "warning", "warning")
    assert "10.0 s" in early.seen and "shutdown" in said.remedy


def test_a_foreign_origin_that_is_let_in_is_an_error() -> None:
    assert codes(judge_foreign(live()), "error") == ["foreign-origin-accepted"]
    assert list(judge_foreign(live(status=403, code="INVALID_ORIGIN"))) == []


def wires(**changed: Any) -> Wires:
    good = Wires(
        read=answered(body=ALICE),
        bearer=answered(body=ALICE),
        after=Fetched(URL, Answered(303, {"location": "/"}, b"", 5.0)),
        live=live(update=True, user_id="alice"),
        pages=True,
        standing=True,
    )
    return replace(good, **changed)


def test_a_session_that_all_show_is_well() -> None:
    assert codes(judge_wires(wires())) == ["http-read", "after-page", "socket-read"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"status": 200}, "hook-pending-no-socket"),
        ({"fault": "refused"}, "hook-pending-no-socket"),
        ({"update": False, "pending": True}, "hook-pending-no-update"),
        ({"update": False, "live": False}, "hook-pending-stale"),
        ({"update": False, "error": "version_unavailable"}, "hook-pending-version"),
        ({"status": 403, "code": "INVALID_ORIGIN"}, "origin-refused"),
        ({"user_id": None}, "wires-disagree"),
        ({"user_id": "bob"}, "wires-disagree"),
    ],
)
def test_each_reason_for_a_hook_to_stay_pending_is_named(
    changed: dict[str, Any], code: str
) -> None:
    seen = live(**{"update": True, "user_id": "alice", **changed})
    assert bad(judge_wires(wires(live=seen))) == {code}


def test_a_read_that_is_null_is_told_apart_by_the_bearer() -> None:
    null, nobody = answered(), live(update=True, user_id=None)
    dropped = wires(read=null, live=nobody)
    assert bad(judge_wires(dropped)) == {"cookie-dropped"}
    differs = wires(read=null, bearer=null, live=nobody)
    assert bad(judge_wires(differs)) == {"server-differs"}


def test_a_read_that_fails_is_no_null() -> None:
    down = wires(read=answered(503), live=live(update=True, user_id=None))
    assert bad(judge_wires(down)) == {"http-read-unavailable"}


@pytest.mark.parametrize(
    "after",
    [
        Fetched(URL, fault="timeout", said="no answer"),
        Fetched(URL, Answered(404, {}, b"", 5.0)),
        Fetched(URL, Answered(303, {"location": "/sign-in?redirect=/"}, b"", 5.0)),
        Fetched(URL, Answered(503, {}, b"<!doctype html>", 5.0)),
    ],
)
def test_an_after_page_that_is_not_reached_is_an_error(after: Fetched) -> None:
    assert bad(judge_wires(wires(after=after))) == {"after-unreachable"}


def test_without_pages_of_the_server_there_is_no_after_page() -> None:
    gone = Fetched(URL, Answered(404, {}, b"", 5.0))
    assert bad(judge_wires(wires(after=gone, pages=False))) == set()


def test_a_server_that_shows_a_session_which_is_none_here_is_another_one() -> None:
    assert codes(judge_wires(wires(standing=False))) == ["server-differs"]
    assert codes(judge_wires(wires(standing=False, read=answered()))) == []


def test_without_a_database_the_wires_are_still_looked_at() -> None:
    assert codes(judge_wires(wires(standing=None))) == ["http-read", "after-page", "socket-read"]
    assert codes(judge_wires(wires(standing=None, read=answered()))) == ["session-not-asked"]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (URL, set()),
        ("https://dash.example.com", {"origin-refused"}),
        ("https://other.test", {"origin-refused", "origin-cross-site"}),
        ("http://app.example.com", {"origin-refused", "origin-cross-site"}),
        ("https://APP.example.com", {"origin-refused"}),
    ],
)
def test_a_pages_origin_is_judged_by_trust_and_by_site(origin: str, expected: set[str]) -> None:
    assert bad(judge_origin(origin, URL, settings())) == expected


def test_an_origin_that_is_trusted_is_well() -> None:
    trusting = settings(trusted_origins=("https://dash.example.com",))
    assert bad(judge_origin("https://dash.example.com", URL, trusting)) == set()


def route(with_cookie: Fetched, without: Fetched) -> set[str]:
    return bad(judge_route(RouteSeen("/api/me", with_cookie, without)))


def test_a_route_is_judged_by_what_the_cookie_changes() -> None:
    stranger = answered(401, b"{}")
    assert route(answered(body=ALICE), stranger) == set()
    assert route(stranger, stranger) == {"route-sees-no-session"}
    assert route(answered(body=ALICE, cache_control=""), stranger) == {"route-cached"}
    assert route(answered(404), answered(404)) == {"route-refused"}
    assert route(answered(421), answered(421)) == {"route-refused"}
    assert route(Fetched(URL, fault="refused"), stranger) == {"route-refused"}
