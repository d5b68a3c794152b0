"""Data that would surprise: counted over a sample, within a bound, and never read out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

from sessionwire.store.examination.facts import Contents

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient

    from sessionwire.store.mapping import Naming

__all__ = ["SAMPLE", "contents_of"]

SAMPLE = 5_000
_MAX_MS = 2_500
_SETTLED = timedelta(minutes=2)
"""How old a user is whom the trigger should have set up."""


async def contents_of(
    client: AsyncMongoClient[dict[str, Any]], database: str, naming: Naming, *, sample: int = SAMPLE
) -> Contents:
    """Each count by itself: one that is slow or refused leaves the others."""
    look = _Look(client, database, naming, sample)
    ids = {"$limit": sample}
    counted: dict[str, Any] = {
        "same_email": await look.count("user", look.same_email()),
        "members_without_organization": await look.count(
            "member", [ids, *_absent("organization", "organizationId")]
        ),
        "users_without_active": await look.count("user", look.without_active()),
        "not_onboarded": await look.count("user", look.not_onboarded()),
        "several_workspaces": await look.count("member", look.several_workspaces()),
        "endless_sessions": await look.count(
            "session", [ids, {"$match": {"expiresAt": {"$not": {"$type": "date"}}}}]
        ),
        "orphan_sessions": await look.count(
            "session", [ids, *_absent(naming.collection("user"), "userId")]
        ),
    }
    return Contents(
        sample,
        users=await look.size("user"),
        sessions=await look.size("session"),
        largest_user=await look.largest_user(),
        cut_short=tuple(name for name, value in counted.items() if value is None),
        **counted,
    )


class _Look:
    def __init__(self, client: Any, database: str, naming: Naming, sample: int) -> None:
        self._database = client[database]
        self._naming = naming
        self._sample = sample

    async def count(self, collection: str, pipeline: list[dict[str, Any]]) -> int | None:
        """How many documents come out; None when it took too long or was refused."""
        found = await self._first(collection, [*pipeline, {"$count": "n"}])
        return None if found is None else int(found.get("n", 0))

    async def size(self, collection: str) -> int | None:
        try:
            named = self._database[self._naming.collection(collection)]
            return int(await named.estimated_document_count(maxTimeMS=_MAX_MS))
        except driver_errors.PyMongoError:
            return None

    async def largest_user(self) -> int:
        size = {"$group": {"_id": None, "n": {"$max": {"$bsonSize": "$$ROOT"}}}}
        found = await self._first("user", [{"$limit": self._sample}, size])
        return int((found or {}).get("n") or 0)

    def same_email(self) -> list[dict[str, Any]]:
        field = self._field("email")
        return [
            {"$limit": self._sample},
            {"$match": {field: {"$type": "string"}}},
            {"$group": {"_id": {"$toLower": f"${field}"}, "n": {"$sum": 1}}},
            {"$match": {"n": {"$gt": 1}}},
        ]

    def without_active(self) -> list[dict[str, Any]]:
        set_up = {"$ne": None}
        return [
            {"$limit": self._sample},
            {
                "$match": {
                    self._field("onboardedAt"): set_up,
                    self._field("activeOrganizationId"): None,
                }
            },
        ]

    def not_onboarded(self) -> list[dict[str, Any]]:
        """Old ones only: a new one is set up within milliseconds."""
        before = {"$lt": datetime.now(UTC) - _SETTLED}
        old = {self._field("createdAt"): before}
        return [{"$limit": self._sample}, {"$match": {self._field("onboardedAt"): None, **old}}]

    def several_workspaces(self) -> list[dict[str, Any]]:
        """Users who alone own several organizations that have no other member."""
        alone = {
            "_id": "$organizationId",
            "n": {"$sum": 1},
            "owner": {"$first": {"user": "$userId", "role": "$role"}},
        }
        return [
            {"$limit": self._sample},
            {"$group": alone},
            {"$match": {"n": 1, "owner.role": "owner"}},
            {
                "$lookup": {
                    "from": "organization",
                    "localField": "_id",
                    "foreignField": "_id",
                    "as": "o",
                }
            },
            {"$match": {"o.name": {"$regex": "workspace$"}}},
            {"$group": {"_id": "$owner.user", "n": {"$sum": 1}}},
            {"$match": {"n": {"$gt": 1}}},
        ]

    def _field(self, ours: str) -> str:
        return self._naming.place("user", ours)[1]

    async def _first(
        self, collection: str, pipeline: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        named = self._database[self._naming.collection(collection)]
        try:
            cursor = await named.aggregate(pipeline, maxTimeMS=_MAX_MS)
            found = await cursor.to_list(1)
        except driver_errors.PyMongoError:
            return None
        return found[0] if found else {}


def _absent(collection: str, field: str) -> list[dict[str, Any]]:
    """Keep the documents whose `field` names none of the collection's."""
    there = [{"$project": {"_id": 1}}]
    lookup = {"from": collection, "localField": field, "foreignField": "_id", "pipeline": there}
    return [{"$lookup": {**lookup, "as": "there"}}, {"$match": {"there": {"$size": 0}}}]
