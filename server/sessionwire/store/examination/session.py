"""What the database says of one session, document by document, as the queries read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sessionwire.model import ObjectId, parse_id
from sessionwire.reactive.fields import moment
from sessionwire.reactive.identity import tombstone_id
from sessionwire.store.codec import CODEC
from sessionwire.store.examination.facts import SessionSeen

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient

    from sessionwire.model import Document
    from sessionwire.store.mapping import Naming

__all__ = ["session_of"]


async def session_of(
    client: AsyncMongoClient[dict[str, Any]],
    name: str,
    naming: Naming,
    credential: str,
    *,
    truth: Literal["user", "session"] = "user",
) -> SessionSeen:
    """Follow the credential to its session, its user, and their memberships.

    `truth` says whose active organization counts.
    """
    database = client.get_database(name, codec_options=CODEC)
    count = await database["session"].estimated_document_count()
    session = await database["session"].find_one({"token": credential})
    if session is None:
        stone = await database["sessionEnd"].find_one({"_id": tombstone_id(credential)})
        return SessionSeen(
            count,
            ended=None if stone is None else str(stone.get("reason")),
            ended_at=None if stone is None else moment(stone, "at"),
        )
    user_id = session.get("userId")
    user = None
    if isinstance(user_id, ObjectId | str):
        user = await database[naming.collection("user")].find_one({"_id": user_id})
    names = naming.fields("user")
    if user is not None and names is not None:
        user = names.incoming(user)
    members = await database["member"].find({"userId": user_id}).to_list(200)
    ids = [each.get("organizationId") for each in members]
    there = await database["organization"].find({"_id": {"$in": ids}}, {"_id": 1}).to_list(200)
    return SessionSeen(
        count,
        session=True,
        created_at=moment(session, "createdAt"),
        updated_at=moment(session, "updatedAt"),
        expires_at=moment(session, "expiresAt"),
        user=user is not None,
        user_id=str(user_id),
        banned=user is not None and user.get("banned") is True,
        onboarded=user is not None and user.get("onboardedAt") is not None,
        user_age=_age(user),
        memberships=tuple(str(each) for each in ids),
        active=_active(user if truth == "user" else session),
        existing=frozenset(str(each["_id"]) for each in there),
    )


def _active(document: Document | None) -> str | None:
    chosen = (document or {}).get("activeOrganizationId")
    return None if chosen is None else str(parse_id(str(chosen)))


def _age(user: Document | None) -> float | None:
    made = None if user is None else moment(user, "createdAt")
    return None if made is None else (datetime.now(UTC) - made).total_seconds()
