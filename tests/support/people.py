"""Signed-in people, written straight into the database: no password is hashed for them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.model import ObjectId, Viewer

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["Person", "add_organization", "add_person"]

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Person:
    """One user with one session; `cookie` is what their browser sends."""

    id: ObjectId
    session_id: ObjectId
    viewer: Viewer
    cookie: str


async def add_person(store: Store, settings: Settings, name: str, **fields: Any) -> Person:
    """A user who is signed in; `fields` go into the user document."""
    token = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    credential = credential_of(token, compat=settings.compat)
    person = Person(
        ObjectId(),
        ObjectId(),
        Viewer(credential),
        cookies_of(settings).session(token, remember=True)[0].partition(";")[0],
    )
    now = datetime.now(UTC)
    dates = {"createdAt": now, "updatedAt": now}
    async with store.writing() as writing:
        await writing.insert_one(
            "user",
            {
                "_id": person.id,
                "name": name,
                "email": f"{name.lower()}-{person.id}@example.com",
                "onboardedAt": now,
                **dates,
                **fields,
            },
        )
        session = {"_id": person.session_id, "userId": person.id, "token": credential}
        expires_at = now + timedelta(days=7)
        await writing.insert_one("session", {**session, "expiresAt": expires_at, **dates})
    return person


async def add_organization(store: Store, name: str, members: dict[ObjectId, str]) -> ObjectId:
    """An organization with these members (user id → role)."""
    id, now = ObjectId(), datetime.now(UTC)
    async with store.writing() as writing:
        document = {"_id": id, "name": name, "slug": f"{name.lower()}-{id}", "createdAt": now}
        await writing.insert_one("organization", document)
        for user_id, role in members.items():
            member = {"_id": ObjectId(), "organizationId": id, "userId": user_id, "role": role}
            await writing.insert_one("member", {**member, "createdAt": now})
    return id
