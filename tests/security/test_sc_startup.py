"""What the server refuses to start with, and how keys are replaced (lines SC-02, SE-12, OI-08)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.app import SessionWire
from sessionwire.auth.sessions import cookies_of
from sessionwire.errors import StartupError
from sessionwire.settings import Settings, load_settings
from support.process import run_to_end

if TYPE_CHECKING:
    from pathlib import Path

ONE = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"
TWO = "Zb7Hq3Wn9Xc5Vm1Kl8Jh4Gf6Ds2Ap0Qy7Te3Ru5I"
PUBLIC = {"environment": "production", "base_url": "https://app.example", "secret": ONE}
PROVIDER = {"issuer": "https://login.example", "client_id": "us"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        PUBLIC,
        {"secret": ONE},
        {**PUBLIC, "previous_secrets": TWO},
        {
            **PUBLIC,
            "trusted_origins": "https://a.example,https://*.b.example,http://localhost:3000",
        },
        {**PUBLIC, "trusted_proxies": "10.0.0.0/8,192.0.2.1,2001:db8::/32"},
        {**PUBLIC, "allowed_hosts": "app.example,*.b.example,[::1]:8000"},
        {**PUBLIC, "google_client_id": "a", "google_client_secret": "b"},
        {**PUBLIC, "oidc": {"x": PROVIDER}},
        {**PUBLIC, "smtp_host": "mail.example"},
        {**PUBLIC, "smtp_host": "mail.example", "smtp_username": "a", "smtp_password": "b"},
        {**PUBLIC, "smtp_host": "127.0.0.1", "smtp_security": "none"},
        {**PUBLIC, "webhook_url": "https://hook.example/x", "webhook_secret": TWO},
        {**PUBLIC, "user_fields": "phone,plan", "user_input_fields": "phone"},
        {**PUBLIC, "session_fields": "theme"},
        {"secret": ONE, "trusted_origins": "http://app.test:3000"},
        {"secret": ONE, "webhook_url": "http://hook.test/x", "webhook_secret": TWO},
    ],
)
def test_sc_02_what_is_sound_starts(given: dict[str, Any]) -> None:
    assert isinstance(load_settings(**given), Settings)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"base_url": "http://app.example"}, "BASE_URL"),
        ({"base_url": "http://127.0.0.1:8000"}, "BASE_URL"),
        ({"secret": None}, "SECRET"),
        ({"secret": "short"}, "SECRET"),
        ({"secret": ONE[:31]}, "SECRET"),
        ({"secret": "a" * 64}, "SECRET"),
        ({"secret": "changeme" * 8}, "SECRET"),
        ({"secret": "sessionwire-0123456789-abcdefghijklmnop"}, "SECRET"),
        ({"previous_secrets": "short"}, "PREVIOUS_SECRETS"),
        ({"previous_secrets": f"{TWO},{'b' * 40}"}, "PREVIOUS_SECRETS"),
        ({"trusted_origins": "*"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "https://*"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "https://*.*.example"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "https://*.com"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "https://a.example/path"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "http://a.example"}, "TRUSTED_ORIGINS"),
        ({"trusted_origins": "http://*.a.example"}, "TRUSTED_ORIGINS"),
        ({"trusted_proxies": "*"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "0.0.0.0/0"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "10.0.0.1,::/0"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "proxy.internal"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
        ({"allowed_hosts": "https://app.example/x"}, "ALLOWED_HOSTS"),
        ({"allowed_hosts": "*"}, "ALLOWED_HOSTS"),
        ({"allowed_hosts": "a b"}, "ALLOWED_HOSTS"),
        ({"google_client_id": "a"}, "GOOGLE_CLIENT_SECRET"),
        ({"google_client_secret": "a"}, "GOOGLE_CLIENT_ID"),
        ({"oidc": {"x": {"issuer": "https://login.example"}}}, "OIDC__X__CLIENT_ID"),
        ({"oidc": {"x": {**PROVIDER, "issuer": "http://login.example"}}}, "OIDC__X"),
        ({"smtp_username": "a", "smtp_host": "m.example"}, "SMTP_PASSWORD"),
        ({"smtp_password": "a", "smtp_host": "m.example"}, "SMTP_USERNAME"),
        ({"smtp_username": "a", "smtp_password": "b"}, "SMTP_HOST"),
        (
            {
                "smtp_username": "a",
                "smtp_password": "b",
                "smtp_host": "m.example",
                "smtp_security": "none",
            },
            "SMTP_SECURITY",
        ),
        ({"webhook_url": "https://hook.example/x"}, "WEBHOOK_SECRET"),
        ({"webhook_secret": TWO}, "WEBHOOK_URL"),
        ({"webhook_url": "http://hook.example/x", "webhook_secret": TWO}, "WEBHOOK_URL"),
        ({"webhook_url": "hook.example", "webhook_secret": TWO}, "WEBHOOK_URL"),
        ({"webhook_url": "https://hook.example/x", "webhook_secret": "short"}, "WEBHOOK_SECRET"),
        ({"user_fields": "password"}, "USER_FIELDS"),
        ({"user_fields": "$where"}, "USER_FIELDS"),
        ({"user_fields": "a.b"}, "USER_FIELDS"),
        ({"user_fields": "role", "user_input_fields": "role"}, "USER_INPUT_FIELDS"),
        ({"user_fields": "banned", "user_input_fields": "banned"}, "USER_INPUT_FIELDS"),
        ({"user_input_fields": "phone"}, "USER_INPUT_FIELDS"),
        ({"session_fields": "token"}, "SESSION_FIELDS"),
        ({"session_fields": "userId"}, "SESSION_FIELDS"),
        ({"session_fields": "expiresAt"}, "SESSION_FIELDS"),
    ],
)
def test_sc_02_what_would_be_insecure_or_is_half_done_refuses_to_start(
    changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(StartupError) as caught:
        load_settings(**{**PUBLIC, **changed})
    assert caught.value.message.startswith(f"SESSIONWIRE_{named}")
    assert caught.value.remedy.endswith((".", ")", '"'))
    for name in ("secret", "previous_secrets", "webhook_secret"):
        secret = changed.get(name)
        assert not secret or len(secret) < 6 or secret not in str(caught.value)


@pytest.mark.parametrize("changed", [{"secret": None}, {"base_url": "http://app.example"}])
def test_sc_02_settings_that_were_made_by_hand_are_looked_at_too(changed: dict[str, Any]) -> None:
    with pytest.raises(StartupError):
        SessionWire(Settings(**{**PUBLIC, **changed}))


def test_se_12_the_new_key_signs_and_the_old_ones_still_verify() -> None:
    old = cookies_of(load_settings(**PUBLIC))
    new = cookies_of(load_settings(**{**PUBLIC, "secret": TWO, "previous_secrets": ONE}))
    gone = cookies_of(load_settings(**{**PUBLIC, "secret": TWO}))
    token = "a" * 32
    issued = old.session(token, remember=True)[0].partition(";")[0]
    reissued = new.session(token, remember=True)[0].partition(";")[0]
    assert new.token(issued) == token
    assert new.token(reissued) == token
    assert old.token(reissued) is None  # it was signed by the new key, whatever else is listed
    assert gone.token(reissued) == token and gone.token(issued) is None


def test_se_12_the_order_of_the_keys_is_that_of_their_age() -> None:
    settings = load_settings(**{**PUBLIC, "secret": TWO, "previous_secrets": f"{ONE},{ONE[::-1]}"})
    assert settings.keys == [TWO, ONE, ONE[::-1]]


async def test_sc_02_the_command_says_it_in_two_lines_and_no_traceback(tmp_path: Path) -> None:
    ended = await run_to_end(
        tmp_path / "data", environment="production", base_url="http://app.example", secret=ONE
    )
    assert ended.code == 1
    assert "SESSIONWIRE_BASE_URL is http://app.example: production needs https." in ended.printed
    assert "→ Set it to the public https:// address." in ended.printed
    assert "Traceback" not in ended.printed and ONE not in ended.printed
