"""Sets up whoever was inserted, by whatever program: workspace, ownership, active organization.

Every step can be repeated and every step can be the last: ids follow from the user's id, so that
any number of processes that do it at once, or after a crash, write the same documents.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from sessionwire.auth.events import Event, Events
from sessionwire.auth.memberships import member_id, memberships
from sessionwire.errors import Duplicate
from sessionwire.model import ObjectId, Version, format_id
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store, Writing

__all__ = ["ensure", "onboard", "sweep", "workspace_id"]

_BATCH = 50


def workspace_id(user_id: object) -> ObjectId:
    """The `_id` of this user's personal workspace."""
    return ObjectId(hashlib.sha256(f"workspace:{format_id(user_id)}".encode()).digest()[:12])


async def ensure(
    store: Store,
    user_id: object,
    *,
    now: datetime,
    personal_workspace: bool = True,
    events: Events | None = None,
) -> Version:
    """Set the user up if nobody did yet; the version at which it shows, 0 when nothing was to do.

    Without `personal_workspace` the user is only marked. Raises Unavailable.
    """
    events = events or Events()
    async with store.writing() as writing:
        await onboard(
            store,
            writing,
            user_id,
            now=now,
            personal_workspace=personal_workspace,
            events=events,
        )
        await events.tell(writing.notes, version=writing.version)
        return writing.version


async def onboard(
    store: Store,
    writing: Writing,
    user_id: object,
    *,
    now: datetime,
    personal_workspace: bool,
    events: Events,
) -> None:
    """`ensure`, as part of a series of writes.

    Whoever marks the user, of all that try, tells that they were created: so it is told once,
    whichever program inserted them, and also if what follows here fails.
    """
    user = await store.find_one("user", {"_id": user_id})
    if user is None or user.get("onboardedAt") is not None:
        return
    active = await _home(store, writing, user, now=now, personal_workspace=personal_workspace)
    pointer = {"$ifNull": ["$activeOrganizationId", active]}
    marked = await writing.update_one(
        "user",
        {"_id": user_id, "onboardedAt": None},
        [{"$set": {"onboardedAt": now, "activeOrganizationId": pointer}}],
    )
    if marked:
        created = Event("user_created", now, format_id(user_id))
        await events.tell([created], version=writing.version)


async def sweep(
    store: Store,
    *,
    now: datetime,
    personal_workspace: bool = True,
    events: Events | None = None,
) -> int:
    """Set up everybody whom the change stream did not show; how many there were."""
    done = 0
    last: list[object] = []
    while True:
        batch = await store.find("user", {"onboardedAt": None}, limit=_BATCH)
        ids: list[object] = [each["_id"] for each in batch]
        if not ids or ids == last:
            return done
        for id in ids:
            await ensure(store, id, now=now, personal_workspace=personal_workspace, events=events)
        done += len(ids)
        last = ids


async def _home(
    store: Store, writing: Writing, user: Document, *, now: datetime, personal_workspace: bool
) -> str | None:
    """The organization that the user begins in: the oldest of theirs, else a new workspace."""
    own = workspace_id(user["_id"])
    found = await memberships(store, user["_id"])
    ids = [each["organizationId"] for each in found]
    existing = await store.find("organization", {"_id": {"$in": ids}})
    there = {each["_id"] for each in existing}
    if personal_workspace and (own in ids or not there):
        await _make_workspace(store, writing, user, now=now)
        there.add(own)
    homes = [id for id in [*ids, own] if id in there]
    return format_id(homes[0]) if homes else None


async def _make_workspace(store: Store, writing: Writing, user: Document, *, now: datetime) -> None:
    """The membership first: it tells a workspace that was begun from one that is not wanted."""
    own = workspace_id(user["_id"])
    owner = {
        "_id": member_id(own, user["_id"]),
        "organizationId": own,
        "userId": user["_id"],
        "role": "owner",
        "createdAt": now,
    }
    await _insert(writing, "member", owner)
    name = text(user, "name").strip()
    for slug in _slugs(name, user["_id"]):
        workspace = {
            "_id": own,
            "name": f"{name}'s workspace" if name else "Personal workspace",
            "slug": slug,
            "createdAt": now,
        }
        if await _insert(writing, "organization", workspace):
            return
        if await store.find_one("organization", {"_id": own}) is not None:
            return


async def _insert(writing: Writing, collection: str, document: Document) -> bool:
    try:
        await writing.insert_one(collection, document)
    except Duplicate:
        return False
    return True


def _slugs(name: str, user_id: object) -> Iterator[str]:
    """Candidates, ever longer; the last one nobody else has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32] or "workspace"
    digest = hashlib.sha256(f"slug:{format_id(user_id)}".encode()).hexdigest()
    return (f"{word}-{digest[:length]}" for length in (6, 16, 64))
