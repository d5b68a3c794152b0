from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.policy.origins import (
    Fetch,
    Origins,
    Verdict,
    is_safe_path,
    is_safe_redirect,
    judge_request,
    judge_websocket,
)

OWN = "https://app.example.com"
FRIEND = "https://friend.test:8443"
EVIL = "https://evil.test"
ORIGINS = Origins(OWN, [FRIEND, "https://*.example.org"])

LOOK_ALIKES = [
    "https://app.example.com.evil",
    "https://app.example.com:444",
    "https://app.example.com:443",
    "http://app.example.com",
    "https://APP.example.com",
    "https://app.example.com.",
    "https://app.example.com/",
    "https://user@app.example.com",
    "https://evil.test#https://app.example.com",
    "https://example.com",
    "wss://app.example.com",
    "app.example.com",
    " https://app.example.com",
    "",
]


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_a_look_alike_is_not_trusted(origin: str) -> None:
    assert not ORIGINS.trusts(origin)


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_a_look_alike_opens_no_socket(origin: str) -> None:
    verdict = judge_websocket(origin, ORIGINS, cookie=False)
    assert verdict is Verdict.INVALID_ORIGIN


def test_the_own_and_the_trusted_origins_are_trusted() -> None:
    assert ORIGINS.trusts(OWN) and ORIGINS.trusts(FRIEND)


@pytest.mark.parametrize(
    ("origin", "trusted"),
    [
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", False),
        ("https://.example.org", False),
        ("https://a..example.org", False),
        ("https://evil.test/.example.org", False),
        ("https://evil.test?.example.org", False),
        ("https://a@b.example.org", False),
        ("https://aexample.org", False),
        ("https://a.example.org:8443", False),
        ("https://a.example.org.evil", False),
        ("http://a.example.org", False),
        ("https://a.example.org\n", False),
    ],
)
def test_a_wildcard_stands_for_subdomains(origin: str, trusted: bool) -> None:
    assert ORIGINS.trusts(origin) is trusted


def test_a_pattern_without_a_scheme_has_that_of_the_server() -> None:
    origins = Origins(OWN, ["*.example.org", "friend.test"])
    assert origins.trusts("https://a.example.org") and origins.trusts("https://friend.test")
    assert not origins.trusts("http://a.example.org")


@pytest.mark.parametrize(
    "pattern", ["*", "https://*", "https://*.com", "https://a.*.com", "https://*a.example.com"]
)
def test_a_pattern_for_everybody_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Origins(OWN, [pattern])


@pytest.mark.parametrize("url", ["ftp://a.test", "https://a.test/path", "https://u@a.test", "//x"])
def test_what_names_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        Origins(OWN, [url])


def test_configured_origins_are_compared_as_browsers_write_them() -> None:
    origins = Origins("https://APP.example.com:443", ["http://[::1]:3000", "http://Friend.test:80"])
    assert origins.own == OWN
    assert origins.trusts("http://[::1]:3000") and origins.trusts("http://friend.test")


A, MISSING, INVALID = Verdict.ALLOWED, Verdict.MISSING_OR_NULL_ORIGIN, Verdict.INVALID_ORIGIN
NAVIGATION = Verdict.CROSS_SITE_NAVIGATION


@pytest.mark.parametrize(
    ("fetch", "verdict"),
    [
        (Fetch(cookie=True, origin=OWN), A),
        (Fetch(cookie=True, origin=FRIEND), A),
        (Fetch(cookie=True, origin=EVIL), INVALID),
        (Fetch(cookie=True), MISSING),
        (Fetch(cookie=True, origin="null"), MISSING),
        (Fetch(cookie=True, origin="null", site="same-origin"), A),
        (Fetch(cookie=True, origin="null", site="cross-site"), MISSING),
        (Fetch(cookie=True, site="same-origin", mode="cors"), MISSING),
        (Fetch(cookie=True, referer=f"{OWN}/page?x=1"), A),
        (Fetch(cookie=True, referer=f"{EVIL}/page"), INVALID),
        (Fetch(cookie=True, referer="http://[garbage"), INVALID),
        (Fetch(cookie=True, origin=EVIL, referer=f"{OWN}/"), INVALID),
        # Sec-Fetch-Site must fit the source
        (Fetch(cookie=True, origin=OWN, site="same-origin"), A),
        (Fetch(cookie=True, origin=OWN, site="cross-site"), INVALID),
        (Fetch(cookie=True, origin=OWN, site="same-site"), INVALID),
        (Fetch(cookie=True, origin=OWN, site="none"), INVALID),
        (Fetch(cookie=True, origin=FRIEND, site="cross-site"), A),
        (Fetch(cookie=True, origin=FRIEND, site="same-site"), A),
        (Fetch(cookie=True, origin=FRIEND, site="none"), INVALID),
    ],
)
def test_a_request_with_a_cookie_comes_from_a_trusted_page(fetch: Fetch, verdict: Verdict) -> None:
    assert judge_request(fetch, ORIGINS, login=False) is verdict
    assert judge_request(fetch, ORIGINS, login=True) is verdict


@pytest.mark.parametrize(
    ("fetch", "verdict"),
    [
        (Fetch(), A),
        (Fetch(mode="cors"), MISSING),
        (Fetch(site="same-origin", mode="cors", dest="empty"), MISSING),
        (Fetch(origin=OWN, site="same-origin", mode="cors"), A),
        (Fetch(origin=EVIL), INVALID),
        (Fetch(origin=EVIL, site="cross-site", mode="cors"), INVALID),
        (Fetch(origin=OWN, site="cross-site", mode="navigate"), NAVIGATION),
        (Fetch(origin=EVIL, site="cross-site", mode="navigate"), NAVIGATION),
        (Fetch(origin="null"), MISSING),
        (Fetch(origin="null", site="same-origin"), A),
        (Fetch(referer=f"{OWN}/login"), A),
        (Fetch(referer=f"{EVIL}/login"), INVALID),
        (Fetch(origin=FRIEND), A),
        (Fetch(origin="https://a.example.org"), A),
        (Fetch(origin="https://example.org"), INVALID),
    ],
)
def test_a_sign_in_without_a_cookie_comes_from_a_trusted_page_or_from_no_page(
    fetch: Fetch, verdict: Verdict
) -> None:
    assert judge_request(fetch, ORIGINS, login=True) is verdict


@pytest.mark.parametrize(
    ("fetch", "verdict"),
    [
        (Fetch(), A),
        (Fetch(mode="cors"), A),
        (Fetch(origin=OWN), A),
        (Fetch(origin=EVIL), INVALID),
        (Fetch(origin="null"), MISSING),
        (Fetch(site="cross-site"), MISSING),
    ],
)
def test_any_other_request_without_a_cookie_names_no_stranger(
    fetch: Fetch, verdict: Verdict
) -> None:
    assert judge_request(fetch, ORIGINS, login=False) is verdict


@pytest.mark.parametrize(
    ("origin", "cookie", "verdict"),
    [
        (OWN, True, A),
        (FRIEND, True, A),
        (EVIL, True, INVALID),
        ("null", True, MISSING),
        ("null", False, MISSING),
        (None, True, MISSING),
        (None, False, A),
    ],
)
def test_a_socket_with_a_cookie_comes_from_a_trusted_page(
    origin: str | None, cookie: bool, verdict: Verdict
) -> None:
    assert judge_websocket(origin, ORIGINS, cookie=cookie) is verdict


SAFE_PATHS = ["/", "/dash", "/a?b=c#d", "/a/b.c-d_e~f", "/a?next=//x", "/%41", "/@x", "/a:b"]
UNSAFE_TARGETS = [
    "", "dash", "//e", "///e", "/\\e", "\\\\e", "/a\\b", "https:e", "https:/e", "http:///e",
    "javascript:alert(1)", "data:text/html,x", "vbscript:x", "/%2fe", "/%2Fe", "/%5ce", "/%5C",
    "/%252fe", "/%25252Fe", "/%255c", "/a//b", "/..//e", "/\te", "/\ne", "\t/e", " /e", "/ e",
    "/\x00", "/\x7f", "/\r\nx: y", "/\u3000", "/é", "https://evil.test", "https://evil.test/x",
    "https://app.example.com@evil.test/", "https://app.example.com.evil/",
    "https://app.example.com:444/", "http://app.example.com/", "https://app.example.com\\@evil/",
    "https://app.example.com//e", "https://app.example.com/%2f%2fe", "HTTPS://app.example.com/",
    "https://a@b.example.org/", "//app.example.com/", "/" + "a" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("target", SAFE_PATHS)
def test_a_path_is_a_safe_redirect(target: str) -> None:
    assert is_safe_path(target)
    assert is_safe_redirect(target, ORIGINS)


@pytest.mark.parametrize("target", UNSAFE_TARGETS)
def test_what_may_leave_the_site_is_no_safe_redirect(target: str) -> None:
    assert not is_safe_path(target)
    assert not is_safe_redirect(target, ORIGINS)


@pytest.mark.parametrize(
    "target", [OWN, f"{OWN}/x?y#z", f"{FRIEND}/x", "https://a.example.org/", f"{OWN}?x=1"]
)
def test_a_url_of_a_trusted_origin_is_a_safe_redirect_but_no_path(target: str) -> None:
    assert is_safe_redirect(target, ORIGINS)
    assert not is_safe_path(target)


@given(st.text())
def test_any_header_and_any_target_is_judged_without_raising(text: str) -> None:
    judge_request(Fetch(referer=text, cookie=True), ORIGINS, login=True)
    judge_request(Fetch(origin=text, site=text, mode=text), ORIGINS, login=False)
    judge_websocket(text, ORIGINS, cookie=True)
    is_safe_redirect(text, ORIGINS)


def test_every_port_of_this_machine_is_trusted_only_where_that_is_said() -> None:
    free = Origins("http://127.0.0.1:8000", any_port=True)
    for origin in ("http://localhost:5000", "http://127.0.0.1", "http://[::1]:81"):
        assert free.trusts(origin)
        assert not Origins("http://127.0.0.1:8000").trusts(origin)
    for origin in (
        "https://localhost:5000", "http://localhost.evil.example", "http://localhost:5000.evil",
        "http://127.0.0.1.evil", "http://evil@localhost:1", "http://localhost:", "null",
    ):  # fmt: skip
        assert not free.trusts(origin)
