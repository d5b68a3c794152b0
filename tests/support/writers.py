"""Foreign programs: writers that do to documents everything that MongoDB can do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import DeleteOne, InsertOne, UpdateOne, errors
from pymongo.write_concern import WriteConcern

if TYPE_CHECKING:
    import random

    from pymongo import AsyncMongoClient

    from sessionwire.model import ObjectId
    from support.people import Person

__all__ = ["People", "Projects"]


class Projects:
    """Writes documents of every shape into `project`; ids 0…9, teams "red" and "blue"."""

    def __init__(
        self, client: AsyncMongoClient[dict[str, Any]], database: str, dice: random.Random
    ) -> None:
        self._client = client
        self._collection = client[database]["project"]
        self._dice = dice

    async def prepare(self) -> None:
        await self._collection.create_index("expireAt", expireAfterSeconds=0)
        for id in range(10):
            await self._collection.replace_one({"_id": id}, self._document(id), upsert=True)

    def _document(self, id: int) -> dict[str, Any]:
        dice = self._dice
        return {
            "_id": id,
            "team": dice.choice(["red", "blue", ["red"], None]),
            "name": f"p{dice.randrange(100)}",
            "tags": [dice.randrange(9) for _ in range(dice.randrange(5))],
            "meta": {"a": {"b": dice.randrange(9)}, "0": 1},
            "rows": [{"n": n, "v": dice.randrange(9)} for n in range(3)],
            "count": 0,
        }

    def _update(self) -> dict[str, Any] | list[dict[str, Any]]:
        dice, n = self._dice, self._dice.randrange(1_000)
        some: list[dict[str, Any] | list[dict[str, Any]]] = [
            {"$set": {"name": f"n{n}"}},
            {"$set": {"meta.a.b": n, "meta.c": {"d": n}}},
            {"$set": {"meta.0": n}},
            {"$set": {"team": dice.choice(["red", "blue", "green", 1, None])}},
            {"$unset": {"meta.a.b": 1}},
            {"$unset": {"tags": 1}},
            {"$inc": {"count": 1}},
            {"$mul": {"count": 2}},
            {"$max": {"count": n}},
            {"$rename": {"meta.a": "moved"}},
            {"$rename": {"moved": "meta.a"}},
            {"$set": {"tags": [n, n + 1]}},
            {"$currentDate": {"touched": True}},
            [{"$set": {"meta": {"$mergeObjects": ["$meta", {"z": n}]}}}],
            [{"$set": {"name": {"$concat": ["$name", "!"]}}}, {"$unset": "moved"}],
            [{"$set": {"tags": {"$slice": ["$tags", 1 + n % 2]}}}],
            [{"$set": {"rows": {"$slice": ["$rows", 2]}}}],
            [{"$replaceWith": {"_id": "$_id", "team": "$team", "name": "r", "tags": []}}],
        ]
        return dice.choice(some)

    def _array_update(self) -> dict[str, Any]:
        dice, n = self._dice, self._dice.randrange(1_000)
        return dice.choice(
            [
                {"$push": {"tags": n}},
                {"$push": {"tags": {"$each": [n, n], "$position": 0}}},
                {"$push": {"tags": {"$each": [n], "$slice": -3}}},
                {"$push": {"tags": {"$each": [n], "$sort": 1, "$slice": 4}}},
                {"$addToSet": {"tags": n % 5}},
                {"$pop": {"tags": 1}},
                {"$pop": {"tags": -1}},
                {"$pull": {"tags": {"$lt": 4}}},
                {"$pull": {"rows": {"n": 1}}},
                {"$push": {"rows": {"n": n % 4, "v": n}}},
                {"$set": {"tags.2": n}},
                {"$set": {"rows.$[].v": n}},
            ]
        )

    async def write(self) -> None:
        """One random write; a refusal by MongoDB (a `$push` on no array …) is nobody's fault."""
        dice, id = self._dice, self._dice.randrange(10)
        concern = dice.choice([WriteConcern(1), WriteConcern("majority")])
        collection = self._collection.with_options(write_concern=concern)
        try:
            match dice.randrange(12):
                case 0:
                    await collection.replace_one({"_id": id}, self._document(id), upsert=True)
                case 1:
                    await collection.delete_one({"_id": id})
                case 2:
                    await collection.insert_one(self._document(id))
                case 3:
                    await collection.find_one_and_update({"_id": id}, self._update())
                case 4:
                    await collection.bulk_write(
                        [
                            UpdateOne({"_id": id}, self._array_update()),
                            DeleteOne({"_id": (id + 1) % 10}),
                            InsertOne(self._document((id + 1) % 10)),
                            UpdateOne({"_id": (id + 2) % 10}, self._update()),
                        ]
                    )
                case 5:
                    await collection.update_many({"team": "red"}, self._update())
                case 6:
                    at = datetime.now(UTC) - timedelta(seconds=1)
                    await collection.update_one({"_id": id}, {"$set": {"expireAt": at}})
                case 7:
                    await self._transaction(id)
                case 8 | 9:
                    await collection.update_one({"_id": id}, self._array_update())
                case _:
                    await collection.update_one({"_id": id}, self._update(), upsert=True)
        except (errors.OperationFailure, errors.BulkWriteError):
            pass

    async def _transaction(self, id: int) -> None:
        async with self._client.start_session() as session:
            async with await session.start_transaction():
                for offset in range(3):
                    await self._collection.update_one(
                        {"_id": (id + offset) % 10}, self._update(), session=session
                    )


class People:
    """Renames, switches, hires, dismisses and demotes; sometimes all of it in one transaction."""

    def __init__(
        self,
        client: AsyncMongoClient[dict[str, Any]],
        database: str,
        dice: random.Random,
        people: list[Person],
        organizations: list[ObjectId],
    ) -> None:
        self._client = client
        self._database = client[database]
        self._dice = dice
        self._people = people
        self._organizations = organizations

    async def write(self) -> None:
        dice, person = self._dice, self._dice.choice(self._people)
        organization = dice.choice(self._organizations)
        pair = {"userId": person.id, "organizationId": organization}
        try:
            match dice.randrange(7):
                case 0:
                    name = f"name{dice.randrange(50)}"
                    await self._database.user.update_one(
                        {"_id": person.id}, {"$set": {"name": name}}
                    )
                case 1 | 2:
                    await self._point(person, organization)
                case 3:
                    new = {
                        "$setOnInsert": {"createdAt": datetime.now(UTC)},
                        "$set": {"role": "owner"},
                    }
                    await self._database.member.update_one(pair, new, upsert=True)
                case 4:
                    role = dice.choice(["owner", "admin", "member", "admin,member"])
                    await self._database.member.update_one(pair, {"$set": {"role": role}})
                case 5:
                    name = f"org{dice.randrange(50)}"
                    await self._database.organization.update_one(
                        {"_id": organization}, {"$set": {"name": name}}
                    )
                case _:
                    await self._move(person, organization)
        except errors.OperationFailure:
            pass

    async def _point(self, person: Person, organization: ObjectId) -> None:
        pointer = {"$set": {"activeOrganizationId": str(organization)}}
        await self._database.user.update_one({"_id": person.id}, pointer)

    async def _move(self, person: Person, organization: ObjectId) -> None:
        """Out of every organization and into another one, at one moment (P2)."""
        async with self._client.start_session() as session:
            async with await session.start_transaction():
                await self._database.member.delete_many({"userId": person.id}, session=session)
                await self._database.user.update_one(
                    {"_id": person.id},
                    {"$set": {"activeOrganizationId": str(organization)}},
                    session=session,
                )
                await self._database.member.insert_one(
                    {
                        "userId": person.id,
                        "organizationId": organization,
                        "role": "member",
                        "createdAt": datetime.now(UTC),
                    },
                    session=session,
                )
