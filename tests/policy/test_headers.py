from __future__ import annotations

from sessionwire.policy.headers import api_headers


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
