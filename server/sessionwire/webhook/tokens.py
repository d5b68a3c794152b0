"""An event as a signed Security Event Token (RFC 8417), in the words of CAEP and RISC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from joserfc import jwt
from joserfc.jwk import OctKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.model import Document

__all__ = ["KINDS", "MEDIA_TYPE", "Sender", "security_event_token"]

MEDIA_TYPE = "application/secevent+jwt"

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"

KINDS: Mapping[str, str] = {
    "session_ended": _CAEP + "session-revoked",
    "credential_changed": _CAEP + "credential-change",
    "email_changed": _RISC + "identifier-changed",
    "user_deleted": _RISC + "account-purged",
}
"""Which events leave, and as what."""

_INITIATORS = {"banned": "admin", "expired": "policy"}


class Sender(NamedTuple):
    """Who signs, and for whom."""

    issuer: str
    audience: str
    secret: str


def security_event_token(event: Document, sender: Sender) -> str:
    """The token of a stored event: the same claims however often it is made."""
    at = event["at"].timestamp()
    claims = {
        "iss": sender.issuer,
        "aud": sender.audience,
        "jti": event["_id"],
        "txn": event["txn"],
        "iat": int(at),
        "toe": round(at, 3),
        "sub_id": _subject(event, sender.issuer),
        "events": {KINDS[event["kind"]]: _said(event)},
    }
    header = {"alg": "HS256", "typ": "secevent+jwt"}
    return jwt.encode(header, claims, OctKey.import_key(sender.secret), algorithms=["HS256"])


def _subject(event: Document, issuer: str) -> dict[str, Any]:
    """Of a session the session and its user, else the user (RFC 9493)."""
    user = {"format": "iss_sub", "iss": issuer, "sub": event["userId"]}
    if event["sessionId"] is None:
        return user
    session = {"format": "opaque", "id": event["sessionId"]}
    return {"format": "complex", "user": user, "session": session}


def _said(event: Document) -> dict[str, Any]:
    reason, at = event["reason"], int(event["at"].timestamp())
    match event["kind"]:
        case "session_ended":
            return {
                "event_timestamp": at,
                "initiating_entity": _INITIATORS.get(reason, "user"),
                "reason_admin": {"en": reason},
            }
        case "credential_changed":
            return {
                "event_timestamp": at,
                "credential_type": reason or "password",
                "change_type": "update",
            }
        case _:
            return {}
