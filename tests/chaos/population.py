"""Two hundred people in families whose canaries must never cross, and who writes about them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.model import ObjectId, Viewer

if TYPE_CHECKING:
    import random

    from pymongo import AsyncMongoClient

    from sessionwire.settings import Settings

__all__ = ["FAMILIES", "Member", "Population", "crossed"]

FAMILIES = 20
SIZE = 10
_ORGANIZATIONS = 3
_CANARY = re.compile(r"fam(\d\d)-(?:u(\d\d)|org)")
_OWN = ("session", "user", "devices")


@dataclass(frozen=True)
class Member:
    """One session of one of them; `number` counts within the family."""

    family: int
    number: int
    id: ObjectId
    session_id: ObjectId
    viewer: Viewer
    cookie: str

    @property
    def canary(self) -> str:
        return f"fam{self.family:02}-u{self.number:02}"


def crossed(text: str, member: Member | None, *, alone: bool) -> list[str]:
    """Canaries that this member must not see (P8); `alone`: also those of their own family."""
    found = []
    for match in _CANARY.finditer(text):
        family, number = match.groups()
        foreign = member is None or int(family) != member.family
        other = alone and number is not None and member is not None and int(number) != member.number
        if foreign or other:
            found.append(match[0])
    return found


@dataclass
class Population:
    """Everybody, as they are in the database; the writes go past all servers."""

    client: AsyncMongoClient[dict[str, Any]]
    settings: Settings
    dice: random.Random
    members: list[Member] = field(default_factory=list)
    organizations: dict[int, list[ObjectId]] = field(default_factory=dict)
    revoked: set[ObjectId] = field(default_factory=set)
    """Session ids: from the moment before they are deleted."""
    written: int = 0

    @property
    def _database(self) -> Any:
        return self.client[self.settings.database]

    async def settle(self) -> None:
        """Insert them all."""
        now = datetime.now(UTC)
        users, sessions, organizations, members = [], [], [], []
        for family in range(FAMILIES):
            self.organizations[family] = [ObjectId() for _ in range(_ORGANIZATIONS)]
            for place, id in enumerate(self.organizations[family]):
                name = f"fam{family:02}-org{place}"
                organizations.append({"_id": id, "name": name, "slug": name, "createdAt": now})
            for number in range(SIZE):
                member, session = self._session(family, number, ObjectId())
                self.members.append(member)
                sessions.append(session)
                home = self.organizations[family][number % _ORGANIZATIONS]
                users.append(
                    {
                        "_id": member.id, "name": member.canary, "createdAt": now, "updatedAt": now,
                        "email": f"{member.canary}@example.com", "onboardedAt": now,
                        "activeOrganizationId": str(home),
                    }
                )  # fmt: skip
                members.append(self._membership(member, home, "owner"))
        database = self._database
        await database.organization.insert_many(organizations)
        await database.member.insert_many(members)
        await database.user.insert_many(users)
        await database.session.insert_many(sessions)

    def _session(self, family: int, number: int, user: ObjectId) -> tuple[Member, dict[str, Any]]:
        token = secrets.token_hex(16)
        credential = credential_of(token, compat="none")
        cookie = cookies_of(self.settings).session(token, remember=True)[0].partition(";")[0]
        member = Member(family, number, user, ObjectId(), Viewer(credential), cookie)
        now = datetime.now(UTC)
        return member, {
            "_id": member.session_id, "userId": user, "token": credential, "createdAt": now,
            "updatedAt": now, "expiresAt": now + timedelta(days=7), "userAgent": member.canary,
        }  # fmt: skip

    def _membership(self, member: Member, organization: ObjectId, role: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "userId": member.id, "organizationId": organization, "role": role, "createdAt": now
        }  # fmt: skip

    async def write(self) -> None:
        """One random change; what the database refuses or does not answer is nobody's fault."""
        place = self.dice.randrange(len(self.members))
        member = self.members[place]
        with contextlib.suppress(PyMongoError, TimeoutError):
            async with asyncio.timeout(5):
                await self._change(member, place)
            self.written += 1

    async def overflow(self) -> None:
        """A rename, and beside it what makes an event of more than 16 MB: its key counts twice."""
        member, users = self.dice.choice(self.members), self._database.user
        large = {"_id": f"{secrets.token_hex(4)}{'y' * 2_000_000}", "large": "x" * 9_500_000}
        name = {"$set": {"name": f"{member.canary}-{self.dice.randrange(10**6)}"}}
        with contextlib.suppress(PyMongoError, TimeoutError):
            async with asyncio.timeout(10):
                async with (
                    self.client.start_session() as session,
                    await session.start_transaction(),
                ):
                    await users.insert_one(large, session=session)
                    await users.update_one({"_id": member.id}, name, session=session)
                await users.delete_one({"_id": large["_id"]})

    async def _change(self, member: Member, place: int) -> None:
        dice, database = self.dice, self._database
        organization = dice.choice(self.organizations[member.family])
        by_user = {"_id": member.id}
        concern = WriteConcern(1) if dice.random() < 0.2 else WriteConcern("majority")
        users = database.user.with_options(write_concern=concern)
        match dice.randrange(10):
            case 0 | 1 | 2 | 3:
                name = f"{member.canary}-{dice.randrange(10**6)}"
                await users.update_one(by_user, {"$set": {"name": name}})
            case 4:
                pointer = {"$set": {"activeOrganizationId": str(organization)}}
                await users.update_one(by_user, pointer)
            case 5:
                pair = {"userId": member.id, "organizationId": organization}
                role = {"$set": {"role": dice.choice(["owner", "admin", "member"])}}
                await database.member.update_one(pair, role)
            case 6:
                name = f"fam{member.family:02}-org-{dice.randrange(10**6)}"
                await database.organization.update_one(
                    {"_id": organization}, {"$set": {"name": name}}
                )
            case 7 if dice.random() < 0.2:
                await self._revoke(member, place)
            case _:
                await self._move(member, organization)

    async def _move(self, member: Member, organization: ObjectId) -> None:
        """Out of every organization and into this one, at one moment (P2)."""
        database = self._database
        async with self.client.start_session() as session, await session.start_transaction():
            await database.member.delete_many({"userId": member.id}, session=session)
            await database.user.update_one(
                {"_id": member.id},
                {"$set": {"activeOrganizationId": str(organization)}},
                session=session,
            )
            joined = self._membership(member, organization, self.dice.choice(["owner", "member"]))
            await database.member.insert_one(joined, session=session)

    async def _revoke(self, member: Member, place: int) -> None:
        """End this session; its user signs in again."""
        self.revoked.add(member.session_id)
        again, session = self._session(member.family, member.number, member.id)
        await self._database.session.insert_one(session)
        self.members[place] = replace(again)
        await self._database.session.delete_one({"_id": member.session_id})
