"""What a provider says about a person, as far as it is believed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sessionwire.policy.emails import canonical_email

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Profile", "completed", "profile_of"]

_NAME_LIMIT = 256
_URL_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class Profile:
    subject: str
    """With the provider's id the key of the person."""
    email: str | None
    """In lower case; None for what is not an address."""
    email_verified: bool
    """Exactly true, and about an address."""
    name: str
    image: str | None


def profile_of(claims: Mapping[str, Any]) -> Profile:
    """Of claims that were checked."""
    given = claims.get("email")
    email = canonical_email(given) if isinstance(given, str) else None
    return Profile(
        subject=claims["sub"],
        email=email,
        email_verified=email is not None and claims.get("email_verified") is True,
        name=_name(claims),
        image=_image(claims.get("picture")),
    )


def completed(claims: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The token's claims and, where it says nothing, those of the userinfo endpoint.

    An address and whether it was verified come from the same place.
    """
    kept = {name: value for name, value in more.items() if name not in claims}
    if "email" not in claims:
        kept["email_verified"] = more.get("email_verified")
    return {**claims, **kept}


def _name(claims: Mapping[str, Any]) -> str:
    for each in ("name", "preferred_username"):
        value = claims.get(each)
        if isinstance(value, str) and value.strip():
            return value.strip()[:_NAME_LIMIT]
    return ""


def _image(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _URL_LIMIT or not value.isprintable():
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme == "https" and parts.netloc else None
