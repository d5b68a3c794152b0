"""What the tests of the sign-in rooms stand on: a real database, and writes that fail on demand."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessionwire.errors import PeerError, Unavailable
from sessionwire.model import Document, Version, Viewer
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.extras import extras_of
from sessionwire.reactive.view import Failure
from sessionwire.settings import Settings
from sessionwire.store.mongo import Store, Writing
from sessionwire.store.snapshot import evaluate_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

SECRET = "kBv3Vq9ZpL0xW7tR2mY8cN5hJ1dF4gS6aE"  # a secret of these tests only
NEVER = Version(0)
ORIGIN = "http://127.0.0.1:3911"


def settings_with(**given: Any) -> Settings:
    return Settings(
        **{
            "secret": SECRET,
            "base_url": ORIGIN,
            "environment": "production",
            "rate_limit": False,
            "refuse_common_passwords": False,
            "verified_invitees": False,
            "trusted_origins": ("http://app.test:3000", "https://*.example.com"),
            **given,
        }
    )


@contextlib.asynccontextmanager
async def opened_store(uri: str) -> AsyncIterator[Store]:
    """A database of its own, dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    async with Store.open(uri, database=name) as store:
        await store.ensure_indexes()
        yield store
        await store.client.drop_database(name)


def unique_address(name: str = "alice") -> str:
    return f"{name}-{secrets.token_hex(6)}@example.com"


@dataclass(frozen=True)
class Answered:
    value: Any
    encoded: bytes
    version: Version
    changed_at: Version


class DatabaseReader:
    """Answers queries straight from the database, as the relay does while the stream is silent."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.reachable = True
        self.waited: list[Version] = []
        self._last: dict[tuple[str, Viewer], Answered] = {}
        self._queries = make_queries(
            active_organization=settings.active_organization,
            maximum=timedelta(days=settings.session_maximum_days),
            extras=extras_of(settings),
        )

    async def read(
        self,
        query: str,
        viewer: Viewer,
        args: Mapping[str, Any] | None = None,
        *,
        since: Version = NEVER,
    ) -> Answered:
        self._refuse_unreachable()
        version = await self.store.ping()
        assert version >= since
        outcome = await evaluate_at(
            self.store, self._queries.named(query), viewer, args or {}, version=version
        )
        if isinstance(outcome, Failure):
            raise PeerError(outcome.message, code=outcome.code)
        last = self._last.get((query, viewer))
        same = last is not None and last.encoded == outcome.encoded
        changed_at = last.changed_at if last is not None and same else version
        answered = Answered(outcome.value, outcome.encoded, version, changed_at)
        self._last[query, viewer] = answered
        return answered

    async def until(self, version: Version) -> None:
        self._refuse_unreachable()
        self.waited.append(version)
        assert await self.store.ping() >= version

    def _refuse_unreachable(self) -> None:
        if not self.reachable:
            raise Unavailable("The database cannot be reached.")


class Crash(BaseException):
    """The process dies; not an Exception, so that nothing tidies up after it."""


class CrashingStore(Store):
    """A store whose process dies just before its write number `crash_at`, counted from 0."""

    def __init__(self, store: Store, *, crash_at: int) -> None:
        super().__init__(store.client, store.stream_client, store._name)
        self.left = crash_at

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        async with super().writing() as writing:
            yield CrashingWriting(self, writing)

    def count_down(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1


class CrashingWriting(Writing):
    def __init__(self, store: CrashingStore, writing: Writing) -> None:
        super().__init__(store, writing._session)
        self._crashing = store

    async def insert_one(self, collection: str, document: Mapping[str, Any]) -> None:
        self._crashing.count_down()
        await super().insert_one(collection, document)

    async def update_one(
        self,
        collection: str,
        filter: Mapping[str, Any],
        update: Mapping[str, Any] | list[dict[str, Any]],
        *,
        upsert: bool = False,
    ) -> bool:
        self._crashing.count_down()
        return await super().update_one(collection, filter, update, upsert=upsert)

    async def update_many(
        self, collection: str, filter: Mapping[str, Any], update: Mapping[str, Any]
    ) -> int:
        self._crashing.count_down()
        return await super().update_many(collection, filter, update)

    async def find_one_and_update(
        self, collection: str, filter: Mapping[str, Any], update: Mapping[str, Any]
    ) -> Document | None:
        self._crashing.count_down()
        return await super().find_one_and_update(collection, filter, update)

    async def delete_one(self, collection: str, filter: Mapping[str, Any]) -> bool:
        self._crashing.count_down()
        return await super().delete_one(collection, filter)

    async def delete_many(self, collection: str, filter: Mapping[str, Any]) -> int:
        self._crashing.count_down()
        return await super().delete_many(collection, filter)
