"""What an identity provider is configured by, and which configurations are refused."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

__all__ = ["GOOGLE", "Provider", "fault_of", "google", "is_private"]

GOOGLE = "https://accounts.google.com"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_OURS = frozenset(
    {
        "response_type", "response_mode", "client_id", "client_secret", "state", "nonce", "scope",
        "redirect_uri", "code_challenge", "code_challenge_method", "request", "request_uri",
    }
)  # fmt: skip


class Provider(BaseModel):
    """An OpenID provider; everything else is read from the issuer's discovery document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(pattern=r"^https?://[^\s?#@]+$", max_length=512)
    """Its exact identifier, as its tokens name it."""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    """None for a public client: PKCE protects the code in either case."""
    name: str = ""
    """What the sign-in page calls it."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    algorithms: tuple[str, ...] = ("RS256",)
    """By which its tokens may be signed; nothing else is accepted."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Further parameters of the authorization request, such as `{"prompt": "select_account"}`."""
    sign_up: bool = True
    """Whether somebody who is new may sign up with it."""

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not _ALGORITHMS.issuperset(value):
            raise ValueError(f"must be some of {', '.join(sorted(_ALGORITHMS))}")
        return value

    @field_validator("parameters")
    @classmethod
    def _not_ours(cls, value: dict[str, str]) -> dict[str, str]:
        if _OURS & value.keys():
            raise ValueError(f"must not set {', '.join(sorted(_OURS & value.keys()))}")
        return value

    @field_validator("scopes")
    @classmethod
    def _openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("must contain openid: without it there is no ID token")
        return value


def google(client_id: str, client_secret: SecretStr) -> Provider:
    return Provider(
        issuer=GOOGLE,
        client_id=client_id,
        client_secret=client_secret,
        name="Google",
        scopes=("email", "profile", "openid"),
        parameters={"include_granted_scopes": "true"},
    )


def fault_of(id: str, provider: Provider, *, development: bool) -> str | None:
    """Why it cannot be a provider of this id; None when it can."""
    if not _ID.fullmatch(id) or id == "credential":
        return f"{id!r} cannot be the id of a provider: use letters, digits, - and _"
    parts = urlsplit(provider.issuer)
    if parts.scheme == "http" and not (development or is_loopback(parts.hostname or "")):
        return f"the issuer of {id!r} must be https"
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether a host names this machine, or by its number one that is not on the Internet."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # 127.1, 0x7f000001 and 2130706433 are numbers too, to those who resolve names
        return re.fullmatch(r"[0-9.]+|0x[0-9a-f]+", host) is not None
