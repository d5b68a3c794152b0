"""A provider's public keys, and the one that a token names."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sessionwire.auth.oidc.faults import ProviderFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Key", "find_key", "keys_of"]

Key = RSAKey | ECKey | OKPKey

_KINDS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_LIMIT = 64
_RSA_BITS = 2048


def keys_of(document: Mapping[str, Any]) -> list[Key]:
    """The keys that sign, of a JWK set (RFC 7517). Raises ProviderFault when it is none.

    Keys of other kinds are left out: also symmetric ones, which a public document cannot hold.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _LIMIT:
        raise ProviderFault("the keys are no JWK set")
    found = (_key(each) for each in listed if isinstance(each, dict))
    return [each for each in found if each is not None]


def _key(document: dict[str, Any]) -> Key | None:
    kind = _KINDS.get(str(document.get("kty")))
    operations = document.get("key_ops", ["verify"])
    if kind is None or document.get("use", "sig") != "sig" or "verify" not in operations:
        return None
    public = {name: value for name, value in document.items() if name in _PUBLIC}
    if kind is RSAKey and _bits(document.get("n")) < _RSA_BITS:
        return None
    try:
        return kind.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _bits(modulus: object) -> int:
    """How long a base64url number is; 0 for what is none."""
    try:
        raw = base64.urlsafe_b64decode(f"{modulus}==") if isinstance(modulus, str) else b""
    except ValueError:
        return 0
    return int.from_bytes(raw, "big").bit_length()


_PUBLIC = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


def find_key(keys: Sequence[Key], *, kid: str | None, algorithm: str) -> Key | None:
    """The key of this id; a token that names none is taken where there is but one it can mean."""
    family = _FAMILIES[algorithm[:2]]
    fitting = [
        each for each in keys if each.key_type == family and each.get("alg") in (None, algorithm)
    ]
    if kid is not None:
        fitting = [each for each in fitting if each.get("kid") == kid]
    return fitting[0] if len(fitting) == 1 else None
