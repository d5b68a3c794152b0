"""Where a provider's endpoints are, as its discovery document says, or as everybody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sessionwire.auth.oidc.faults import ProviderFault
from sessionwire.policy.providers import GOOGLE, is_private

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUILT_IN", "Metadata", "metadata_of", "well_known"]

_URL_LIMIT = 2048

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    GOOGLE: {
        "issuer": GOOGLE,
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
        "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }
}
"""Discovery documents that need not be fetched."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """OpenID Connect Discovery 1.0, section 3, as far as a client needs it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    names_itself: bool
    """Whether every answer carries `iss` (RFC 9207)."""
    posts_secret: bool
    """Whether the client's secret goes into the form, and not into `Authorization`."""


def well_known(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def metadata_of(document: Mapping[str, Any], *, issuer: str) -> Metadata:
    """Raises ProviderFault for a document of another issuer, or with an endpoint that is unsafe."""
    if document.get("issuer") != issuer:
        raise ProviderFault("the discovery document is another issuer's")
    userinfo = document.get("userinfo_endpoint")
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer=issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer=issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer=issuer),
        userinfo_endpoint=(
            None if userinfo is None else _endpoint(document, "userinfo_endpoint", issuer=issuer)
        ),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        posts_secret=isinstance(methods, list) and "client_secret_post" in methods,
    )


def _endpoint(document: Mapping[str, Any], name: str, *, issuer: str) -> str:
    """An address that a request may go to.

    https, as the issuer is; and on the Internet unless the issuer itself is not, so that whoever
    can write the document cannot aim our requests at our own network.
    """
    url = document.get(name)
    if not isinstance(url, str) or len(url) > _URL_LIMIT or not url.isascii():
        raise ProviderFault(f"the discovery document has no {name}")
    try:
        parts, home = urlsplit(url), urlsplit(issuer)
        host = parts.hostname or ""
        parts.port  # noqa: B018 (raises ValueError)
    except ValueError:
        raise ProviderFault(f"{name} is no address") from None
    plain = parts.scheme == "http" and home.scheme == "http"
    inside = is_private(host) and not (host == home.hostname or is_private(home.hostname or ""))
    if not (parts.scheme == "https" or plain) or not host or "@" in parts.netloc or inside:
        raise ProviderFault(f"{name} is not an address that may be asked")
    if parts.fragment or any(each <= " " or each == "\\" for each in url):
        raise ProviderFault(f"{name} is no address")
    return url
