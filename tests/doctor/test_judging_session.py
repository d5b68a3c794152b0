"""What a cookie and the documents behind it mean, by facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from doctor.seen import SECRET, bad, codes, only, settings
from sessionwire.auth.sessions import cookies_of
from sessionwire.doctor.facts import CookieSeen
from sessionwire.doctor.judgement.chain import judge_cookie, judge_session, stands
from sessionwire.doctor.looking.cookie import header_of, look_at_cookie
from sessionwire.policy.cookies import BetterAuthSigner
from sessionwire.store.examination.facts import SessionSeen

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MAXIMUM = timedelta(days=90)
TOKEN = "a" * 32
NAME = "__Host-sessionwire.session_token"
GOOD = SessionSeen(
    1,
    session=True,
    created_at=NOW - timedelta(days=1),
    updated_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=6),
    user=True,
    user_id="alice",
    onboarded=True,
    memberships=("acme",),
    active="acme",
    existing=frozenset({"acme"}),
)


def cookie(**given: Any) -> str:
    """The pair that a server with these settings sets."""
    return cookies_of(settings(**given)).session(TOKEN, remember=True)[0].partition(";")[0]


def cookie_code(header: str, **given: Any) -> str:
    (finding,) = judge_cookie(look_at_cookie(header, settings(**given)))
    return finding.code


def test_a_cookie_of_this_server_is_well() -> None:
    assert cookie_code(cookie()) == "session-cookie"
    assert cookie_code(f"theme=dark; {cookie()}; other=1") == "session-cookie"


@pytest.mark.parametrize("form", ["Cookie: {0}", "cookie:{0}", "{0}", "  {0} ", "x=1; {0}"])
def test_a_header_may_be_given_with_or_without_its_name(form: str) -> None:
    assert cookie_code(header_of(form.format(cookie()), settings())) == "session-cookie"


def test_a_value_alone_is_taken_for_the_session_cookie() -> None:
    value = cookie().partition("=")[2]
    assert header_of(value, settings()) == f"{NAME}={value}"
    assert header_of("", settings()) == ""


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "cookie-absent"),
        ("theme=dark", "cookie-absent"),
        (f"{NAME}=", "cookie-malformed"),
        (f"{NAME}=abc", "cookie-malformed"),
        (f"{NAME}={TOKEN}.cut", "cookie-malformed"),
        (f"{NAME}={TOKEN}.{'x' * 43}", "cookie-signature"),
        (f"{NAME}=a.b; {NAME}=c.d", "cookie-twice"),
        ("sessionwire.session_token=a.b", "cookie-name-differs"),
        ("__Secure-better-auth.session_token=a.b", "cookie-name-differs"),
        ("__Host-other.session_token=a.b", "cookie-name-differs"),
    ],
)
def test_what_is_wrong_with_a_cookie_is_named(header: str, code: str) -> None:
    assert cookie_code(header) == code


def test_a_name_that_differs_by_https_says_so_in_both_directions() -> None:
    over_http = only(judge_cookie(CookieSeen(("a.session_token",), "__Host-a.session_token")),
                     "cookie-name-differs")  # fmt: skip
    over_https = only(judge_cookie(CookieSeen(("__Host-a.session_token",), "a.session_token")),
                      "cookie-name-differs")  # fmt: skip
    assert "set over http:" in over_http.remedy and "set over https:" in over_https.remedy


def test_another_secret_is_told_from_a_previous_one() -> None:
    header = cookie(secret="q" * 5 + SECRET)
    assert cookie_code(header) == "cookie-signature"


def test_who_signed_it_instead_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("d" + SECRET)
    header = cookie(secret="d" + SECRET)
    seen = look_at_cookie(header, settings(data_dir=tmp_path))
    assert seen.signer == "development"
    value = BetterAuthSigner([SECRET]).sign(TOKEN, purpose="session_token")
    assert look_at_cookie(f"{NAME}={value}", settings()).signer == "better-auth"
    shared = settings(compat="better-auth", cookie_prefix="sessionwire")
    ours = cookie().partition("=")[2]
    name = cookies_of(shared).session_token
    assert look_at_cookie(f"{name}={ours}", shared).signer == "sessionwire"
    for signer in ("development", "better-auth", "sessionwire", ""):
        unsigned = CookieSeen((NAME,), NAME, values=1, signer=signer)
        assert codes(judge_cookie(unsigned)) == ["cookie-signature"]


def session_bad(**changed: Any) -> set[str]:
    return bad(judge_session(replace(GOOD, **changed), now=NOW, maximum=MAXIMUM))


def test_a_session_that_stands_is_well() -> None:
    assert session_bad() == set()
    assert stands(GOOD, now=NOW, maximum=MAXIMUM)
    found = codes(judge_session(GOOD, now=NOW, maximum=MAXIMUM))
    assert found == ["session-document", "session-user"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"session": False}, "session-unknown"),
        ({"session": False, "ended": "revoked", "ended_at": NOW}, "session-ended"),
        ({"expires_at": NOW - timedelta(seconds=3)}, "session-expired"),
        ({"expires_at": None}, "session-expired"),
        ({"created_at": NOW - timedelta(days=91)}, "session-expired"),
        ({"user": False}, "session-user-missing"),
        ({"banned": True}, "session-user-banned"),
    ],
)
def test_a_session_that_does_not_stand_says_why(changed: dict[str, Any], code: str) -> None:
    assert session_bad(**changed) == {code}
    assert not stands(replace(GOOD, **changed), now=NOW, maximum=MAXIMUM)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"onboarded": False, "user_age": 300.0}, "onboarding-unfinished"),
        ({"memberships": ()}, "no-membership"),
        ({"existing": frozenset()}, "no-membership"),
        ({"active": "other"}, "active-organization-refused"),
    ],
)
def test_a_session_that_stands_may_show_less_than_expected(
    changed: dict[str, Any], code: str
) -> None:
    assert session_bad(**changed) == {code}
    assert stands(replace(GOOD, **changed), now=NOW, maximum=MAXIMUM)


def test_the_maximum_is_told_from_idleness() -> None:
    old = replace(GOOD, created_at=NOW - timedelta(days=91))
    (finding,) = judge_session(old, now=NOW, maximum=MAXIMUM)
    assert "90 days after sign-in" in finding.seen
    idle = replace(GOOD, expires_at=NOW - timedelta(hours=5))
    (finding,) = judge_session(idle, now=NOW, maximum=MAXIMUM)
    assert "5 hours ago" in finding.seen and "sign-in" not in finding.seen
