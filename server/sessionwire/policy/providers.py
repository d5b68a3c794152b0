"""What an identity provider is configured by, and how its word about an address is taken."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

__all__ = ["GOOGLE", "Provider", "google"]

GOOGLE = "https://accounts.google.com"


class Provider(BaseModel):
    """An OpenID provider; everything else is read from the issuer's discovery document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(pattern=r"^https?://[^\s?#]+$")
    """Its exact identifier, as its tokens name it."""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    """None for a public client: PKCE protects the code in either case."""
    name: str = ""
    """What the sign-in page calls it."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    algorithms: tuple[str, ...] = ("RS256",)
    """By which its tokens may be signed; nothing else is accepted."""


def google(client_id: str, client_secret: SecretStr) -> Provider:
    return Provider(
        issuer=GOOGLE,
        client_id=client_id,
        client_secret=client_secret,
        name="Google",
        scopes=("email", "profile", "openid"),
    )
