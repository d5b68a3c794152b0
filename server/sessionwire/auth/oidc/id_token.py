"""Whether an ID token proves what it says: its header, its signature, its claims. Pure."""

from __future__ import annotations

import base64
import hmac
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError

from sessionwire.auth.oidc.faults import InvalidToken

if TYPE_CHECKING:
    from sessionwire.auth.oidc.keys import Key

__all__ = ["LEEWAY", "Claims", "Header", "read_header", "refuse_claims", "signed_claims"]

Claims = Mapping[str, Any]

LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""

_TOKEN_LIMIT = 16 * 1024
_SUBJECT_LIMIT = 255  # OpenID Connect Core 1.0, section 2
_FOREIGN = ("jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip")
"""Headers by which a token would bring its own key, or be read in another way."""


@dataclass(frozen=True, slots=True)
class Header:
    algorithm: str
    kid: str | None


def read_header(token: str, *, algorithms: Collection[str]) -> Header:
    """What a token says of its signature. Raises InvalidToken unless it is one we may check."""
    if len(token) > _TOKEN_LIMIT or not token.isascii() or token.count(".") != 2:
        raise InvalidToken("not a signed token")
    header = _json_in(token.partition(".")[0])
    if header.get("alg") not in algorithms or not isinstance(header.get("alg"), str):
        raise InvalidToken("signed by an algorithm that is not allowed")
    if any(name in header for name in _FOREIGN):
        raise InvalidToken("a header that is not allowed")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise InvalidToken("a kid that is no text")
    return Header(header["alg"], kid)


def _json_in(segment: str) -> Mapping[str, Any]:
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        value = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidToken("not a signed token") from None
    if not isinstance(value, dict):
        raise InvalidToken("not a signed token")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_REGISTRY = jws.JWSRegistry(strict_check_header=False)  # `_FOREIGN` says what is refused


def signed_claims(token: str, key: Key, *, header: Header) -> Claims:
    """What the holder of the key signed. Raises InvalidToken."""
    try:
        found = jws.deserialize_compact(
            token, key, algorithms=[header.algorithm], registry=_REGISTRY
        )
    except (JoseError, ValueError, TypeError):
        raise InvalidToken("a signature that does not match") from None
    assert found.payload is not None
    return _json_in(token.split(".")[1])


def refuse_claims(
    claims: Claims, *, issuer: str, client_id: str, nonce: str | None, now: float
) -> None:
    """Raises InvalidToken unless they are this issuer's, for us, about somebody, and of now.

    OpenID Connect Core 1.0, section 3.1.3.7. `nonce` None means that none was sent: then the token
    must hold none.
    """
    if claims.get("iss") != issuer:
        raise InvalidToken("another issuer")
    _refuse_audience(claims, client_id)
    _refuse_moment(claims, now)
    given = claims.get("nonce")
    if nonce is None:
        if given is not None:
            raise InvalidToken("a nonce that nobody can check")
    elif not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise InvalidToken("another nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LIMIT:
        raise InvalidToken("no subject")
    if not (subject.isascii() and subject.isprintable()):
        raise InvalidToken("no subject")


def _refuse_audience(claims: Claims, client_id: str) -> None:
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if client_id not in several:
        raise InvalidToken("another audience")
    if claims.get("azp", None if len(several) > 1 else client_id) != client_id:
        raise InvalidToken("another authorized party")


def _refuse_moment(claims: Claims, now: float) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if expires is None or expires + LEEWAY <= now:
        raise InvalidToken("expired")
    if issued is None or issued - LEEWAY > now:
        raise InvalidToken("issued in the future")
    if "nbf" in claims:
        begins = _moment(claims, "nbf")
        if begins is None or begins - LEEWAY > now:
            raise InvalidToken("not valid yet")


def _moment(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and math.isfinite(value) else None
