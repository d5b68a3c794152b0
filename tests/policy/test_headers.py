from __future__ import annotations

from sessionwire.policy.headers import api_headers, missing_headers


def test_no_answer_of_the_api_is_kept_or_framed() -> None:
    headers = api_headers(secure=False)
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Cookie"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    )


def test_only_https_asks_for_https() -> None:
    assert "strict-transport-security" not in api_headers(secure=False)
    assert "max-age=31536000" in api_headers(secure=True)["strict-transport-security"]


def test_what_an_answer_says_itself_stays_but_for_caching() -> None:
    said = {
        "cache-control": "public",
        "content-security-policy": "default-src 'self'",
        "vary": "Accept-Encoding",
    }
    given = missing_headers(said, secure=False)
    assert given["cache-control"] == "no-store" and given["pragma"] == "no-cache"
    assert given["vary"] == "Accept-Encoding, Cookie"
    assert "content-security-policy" not in given
    assert given["referrer-policy"] == "no-referrer"


def test_an_answer_that_varies_by_cookie_says_so_once() -> None:
    for vary in ("cookie", "Accept, Cookie", "*"):
        assert "vary" not in missing_headers({"vary": vary}, secure=False)
    assert missing_headers({}, secure=True) == api_headers(secure=True)
