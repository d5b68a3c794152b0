from __future__ import annotations

import base64
import hashlib
import hmac
import string
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.model import Version
from sessionwire.policy.cookies import (
    BetterAuthSigner,
    Cookies,
    PurposeSigner,
    Signer,
    bearer,
    plausible,
    speaks_for_somebody,
    values_of,
)

KEY = "kBv3Vq9ZpL0xW7tR2mY8cN5hJ1dF4gS6aE"
OTHER_KEY = "Zq1pM8vX3nB6kT0wR5yH2cL9dJ7fG4sA"
TOKEN = "hWkggjRnFnsY3SQZSTv3iSTeFsfxtwwo"
NOW = 1_800_000_000.0

tokens = st.text(string.ascii_letters + string.digits, min_size=32, max_size=32)


def cookies(*, secure: bool = False, compat: bool = False, signer: Signer | None = None) -> Cookies:
    made = signer or (BetterAuthSigner([KEY]) if compat else PurposeSigner([KEY]))
    prefix = "better-auth" if compat else "sessionwire"
    return Cookies(prefix=prefix, secure=secure, compat=compat, signer=made)


def jar(lines: list[str]) -> str:
    return "; ".join(line.partition(";")[0] for line in lines)


def test_names_over_http_have_no_prefix() -> None:
    assert cookies().session_token == "sessionwire.session_token"
    assert cookies(compat=True).session_token == "better-auth.session_token"


def test_names_over_https_promise_how_they_were_set() -> None:
    assert cookies(secure=True).session_token == "__Host-sessionwire.session_token"
    assert cookies(secure=True).version == "__Host-sessionwire.version"
    assert cookies(secure=True, compat=True).dont_remember == "__Secure-better-auth.dont_remember"


def test_a_remembered_session_lives_as_long_as_its_cookie() -> None:
    (line,) = cookies(compat=True).session(TOKEN, remember=True)
    name, _, rest = line.partition("=")
    assert name == "better-auth.session_token"
    assert rest.partition("; ")[2] == "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"


def test_an_unremembered_session_ends_with_the_browser_and_says_so() -> None:
    token, marker = cookies(compat=True, secure=True).session(TOKEN, remember=False)
    assert token.partition("; ")[2] == "Path=/; HttpOnly; Secure; SameSite=Lax"
    assert marker.startswith("__Secure-better-auth.dont_remember=true.")
    assert marker.partition("; ")[2] == "Path=/; HttpOnly; Secure; SameSite=Lax"


def test_deletion_has_the_same_attributes_as_setting() -> None:
    assert cookies(compat=True).deletion() == [
        "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    ]
    assert cookies(secure=True).deletion() == [
        "__Host-sessionwire.session_token=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
        "__Host-sessionwire.dont_remember=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
    ]


def test_the_version_cookie_lives_half_a_minute() -> None:
    line = cookies().written(Version(0x6B041E6200000001))
    assert line == (
        "sessionwire.version=6b041e6200000001; Max-Age=30; Path=/; HttpOnly; SameSite=Lax"
    )


def test_a_state_binds_a_sign_in_to_its_browser_for_ten_minutes() -> None:
    (line,) = cookies(secure=True).state(TOKEN)
    assert line.startswith(f"__Host-sessionwire.state={TOKEN}.")
    assert line.endswith("; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax")
    (line,) = cookies(compat=True).state(TOKEN)
    assert line.startswith(f"better-auth.state={TOKEN}.")
    assert line.endswith("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax")
    assert cookies(compat=True).state_deletion() == [
        "better-auth.state=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    ]


@pytest.mark.parametrize("compat", [False, True])
@given(state=tokens)
def test_a_state_is_read_back(compat: bool, state: str) -> None:
    those = cookies(compat=compat)
    header = jar(those.state(state))
    assert those.state_in(header) == state
    assert those.state_in(header[:-1]) is None
    assert those.state_in(f"{header}; {header}x") is None
    assert those.state_in(None) is None


def test_a_session_token_is_no_state_nor_a_state_a_session_token() -> None:
    those = cookies()
    signer = PurposeSigner([KEY])
    token = signer.sign(TOKEN, purpose="session_token")
    assert those.state_in(f"{those.sign_in_state}={token}") is None
    state = jar(those.state(TOKEN)).partition("=")[2]
    assert those.token(f"{those.session_token}={state}") is None


@pytest.mark.parametrize("compat", [False, True])
@given(token=tokens, remember=st.booleans())
def test_what_was_set_is_read_back(compat: bool, token: str, remember: bool) -> None:
    those = cookies(compat=compat)
    header = jar(those.session(token, remember=remember))
    assert those.token(header) == token
    assert those.remembered(header) is remember


def test_the_better_auth_value_is_the_one_of_its_contract() -> None:
    digest = hmac.new(KEY.encode(), TOKEN.encode(), hashlib.sha256).digest()
    value = quote(f"{TOKEN}.{base64.b64encode(digest).decode()}", safe="!'()*-._~")
    assert BetterAuthSigner([KEY]).sign(TOKEN, purpose="session_token") == value
    assert value.endswith("%3D") and "/" not in value and "+" not in value


@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_the_better_auth_value_is_read_encoded_raw_and_quoted(form: str) -> None:
    those = cookies(compat=True)
    value = BetterAuthSigner([KEY]).sign(TOKEN, purpose="session_token")
    for spelled in (value, unquote(value)):
        assert those.token(f"better-auth.session_token={form.format(spelled)}") == TOKEN


@pytest.mark.parametrize("compat", [False, True])
def test_a_value_that_was_not_signed_so_reads_as_absent(compat: bool) -> None:
    those = cookies(compat=compat)
    name = those.session_token
    value = jar(those.session(TOKEN, remember=True)).partition("=")[2]
    forged = [
        "",
        "garbage",
        TOKEN,
        f"{TOKEN}.",
        f".{value.partition('.')[2]}",
        "X" + value[1:],
        value[:-1],
        value[:-8] + "AAAAAAAA",
        value.replace(".", "..", 1),
        value + "%00",
        value * 100,
        value + "é",
        "%E9%FF",
        "%",
        value.lower(),
    ]
    assert [each for each in forged if those.token(f"{name}={each}") is not None] == []
    assert those.token(f"{name}={value}") == TOKEN


@pytest.mark.parametrize("kind", [PurposeSigner, BetterAuthSigner])
def test_a_signature_has_one_spelling(kind: type[PurposeSigner] | type[BetterAuthSigner]) -> None:
    value = unquote(kind([KEY]).sign(TOKEN, purpose="session_token"))
    end = -2 if value.endswith("=") else -1
    spellings = [
        f"{value[:end]}{each}{value[end:][1:]}" for each in string.ascii_letters + string.digits
    ]
    verified = [kind([KEY]).verify(each, purpose="session_token") for each in spellings]
    assert len([each for each in verified if each is not None]) <= 1


def test_se_13_every_purpose_has_its_own_signature() -> None:
    signer = PurposeSigner([KEY])
    purposes = ["session_token", "dont_remember", "state"]
    for made in purposes:
        value = signer.sign("true", purpose=made)
        assert [p for p in purposes if signer.verify(value, purpose=p) == "true"] == [made]


def test_a_marker_does_not_pass_for_a_token_nor_a_token_for_a_marker() -> None:
    those = cookies()
    marker = PurposeSigner([KEY]).sign(TOKEN, purpose="dont_remember")
    assert those.token(f"{those.session_token}={marker}") is None
    token = PurposeSigner([KEY]).sign("true", purpose="session_token")
    assert those.remembered(f"{those.dont_remember}={token}")


@pytest.mark.parametrize("kind", [PurposeSigner, BetterAuthSigner])
def test_se_12_of_several_keys_the_first_signs_and_all_verify(
    kind: type[PurposeSigner] | type[BetterAuthSigner],
) -> None:
    old, rotated = kind([OTHER_KEY]), kind([KEY, OTHER_KEY])
    assert rotated.sign(TOKEN, purpose="session_token") == kind([KEY]).sign(
        TOKEN, purpose="session_token"
    )
    kept = old.sign(TOKEN, purpose="session_token")
    assert rotated.verify(kept, purpose="session_token") == TOKEN
    assert old.verify(rotated.sign(TOKEN, purpose="session_token"), purpose="session_token") is None


def test_se_11_two_different_cookies_of_one_name_count_as_none() -> None:
    those = cookies()
    mine = jar(those.session(TOKEN, remember=True))
    theirs = jar(those.session("A" * 32, remember=True))
    assert those.token(f"{mine}; {theirs}") is None
    assert those.token(f"{mine}; {those.session_token}=x") is None
    assert those.token(f"{mine}; a=b; {mine}") == TOKEN


def test_a_name_that_only_contains_ours_is_not_ours() -> None:
    those = cookies()
    value = jar(those.session(TOKEN, remember=True))
    assert those.token(f"x{value}") is None
    assert cookies(secure=True).token(value) is None


def test_an_oversized_header_carries_nothing() -> None:
    those = cookies()
    assert those.token(jar(those.session(TOKEN, remember=True)) + "; a=" + "x" * 20_000) is None


@given(st.text(), st.booleans(), st.booleans())
def test_se_11_any_cookie_header_is_read_without_raising(
    header: str, compat: bool, secure: bool
) -> None:
    those = cookies(compat=compat, secure=secure)
    assert those.token(header) is None
    assert those.remembered(header)
    assert those.state_in(header) is None
    assert those.seen(header, now=NOW) == 0


@given(st.text(), st.booleans())
def test_any_value_of_our_cookies_is_read_without_raising(value: str, compat: bool) -> None:
    those = cookies(compat=compat)
    for name in (those.session_token, those.dont_remember, those.version):
        header = f"{name}={value}"
        assert those.token(header) is None
        assert those.remembered(header)
        assert those.seen(header, now=NOW) >= 0
    assert those.token_in(value) is None


def test_a_version_yet_to_come_is_not_believed() -> None:
    at = int(NOW)
    assert plausible(f"{at << 32:016x}", now=NOW) == at << 32
    assert plausible(f"{(at + 60) << 32:016x}", now=NOW) == (at + 60) << 32
    assert plausible(f"{(at + 61) << 32:016x}", now=NOW) == 0
    assert plausible("garbage", now=NOW) == 0


def test_values_are_found_by_their_exact_name() -> None:
    header = 'a=1; b="2"; a=3; c; =4; aa=5'
    assert values_of(header, "a") == ["1", "3"]
    assert values_of(header, "b") == ["2"]
    assert values_of(header, "c") == []
    assert values_of(None, "a") == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bearer_is_read_from_authorization(header: str | None, value: str | None) -> None:
    assert bearer(header) == value


@pytest.mark.parametrize(
    ("header", "speaks"),
    [
        (None, False),
        ("sessionwire.version=6b046e4000000008", False),
        ("__Host-sessionwire.version=1; sessionwire.version=2", False),
        ("", True),
        ("a=b", True),
        ("sessionwire.version=1; a=b", True),
        ("sessionwire.version=1; sessionwire.session_token=x", True),
        ("sessionwire.session_token=sessionwire.version", True),
    ],
)
def test_the_version_of_a_write_alone_speaks_for_nobody(header: str | None, speaks: bool) -> None:
    assert speaks_for_somebody(header) is speaks


def test_a_right_value_is_verified_once_and_a_forged_one_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sessionwire.policy.cookies._KNOWN", 2)
    made, verified = cookies(), []
    verify = made._signer.verify

    def counting(value: str, *, purpose: str) -> str | None:
        verified.append(value)
        return verify(value, purpose=purpose)

    monkeypatch.setattr(made._signer, "verify", counting)
    tokens = [letter * 32 for letter in "abc"]
    values = [made._signer.sign(each, purpose="session_token") for each in tokens]
    assert [made.token_in(value) for value in (values[0], values[0])] == [tokens[0]] * 2
    assert verified == [values[0]]
    forged = values[0][:-1] + ("A" if values[0][-1] != "A" else "B")
    assert made.token_in(forged) is made.token_in(forged) is None
    assert verified.count(forged) == 2
    assert [made.token_in(value) for value in values] == tokens
    assert len(made._known) == 2
