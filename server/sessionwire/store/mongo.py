"""The database: a checked replica set, majority reads, and writes that know their version."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from bson.errors import InvalidBSON
from pymongo import ASCENDING, ReturnDocument
from pymongo import errors as driver_errors
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from sessionwire.errors import Duplicate, StartupError, Unavailable
from sessionwire.model import Document, Version
from sessionwire.store.codec import CODEC
from sessionwire.store.driver import (
    Client,
    cancellable,
    close_client,
    make_client,
    one_line,
    start_session,
)
from sessionwire.store.indexes import ensure_indexes
from sessionwire.store.mapping import Naming
from sessionwire.store.renamed import RenamedCollection
from sessionwire.store.times import from_timestamp, time_of
from sessionwire.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

__all__ = ["Store", "Writing", "translated"]

logger = logging.getLogger("sessionwire.store")

_Result = TypeVar("_Result")
_TRANSACTION_SECONDS = 5.0
_NUMBER = {"$cond": [{"$isNumber": "$revision"}, "$revision", 0]}
_LOCKED = [{"$set": {"revision": {"$add": [_NUMBER, 1]}}}]
"""A write that another one collides with. What a program keeps there otherwise counts as none."""

_TIMEOUTS = {"serverSelectionTimeoutMS": 4_000, "connectTimeoutMS": 3_000, "socketTimeoutMS": 8_000}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Driver errors as ours: a taken unique value is `Duplicate`, everything else `Unavailable`."""
    try:
        with cancellable():
            yield
    except driver_errors.DuplicateKeyError as error:
        pattern = (error.details or {}).get("keyPattern", {})
        raise Duplicate(fields=tuple(pattern)) from error
    except (driver_errors.PyMongoError, InvalidBSON) as error:
        if not _is_transient(error):  # else another transaction was in the way: it is run again
            logger.warning("MongoDB did not answer: %s", one_line(error))
        raise Unavailable("The database cannot be reached.") from error


class Store:
    """An open database.

    Reads are `readConcern: majority` from the primary, so that nothing is shown that could be
    rolled back (P9); writes are `w: majority`, whose reply names the version at which they show. It
    is not the place of rules: callers decide what to write.
    """

    def __init__(
        self,
        client: Client,
        stream_client: Client,
        database: str,
        *,
        naming: Naming | None = None,
    ) -> None:
        self.client = client
        self.stream_client = stream_client
        self.sharded = False
        self.naming = naming or Naming()
        self.turns = Turns()
        self._name = database

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        uri: str | None = None,
        *,
        database: str,
        driver: Literal["pymongo", "motor"] = "pymongo",
        client: Client | None = None,
        naming: Naming | None = None,
    ) -> AsyncIterator[Store]:
        """Connect to `uri`, or use the application's own `client` (PyMongo async or Motor).

        `naming` says what users are called there, when it is not what we call them.

        Raises StartupError when nothing answers, when the server is not a replica set member or is
        too old, or when it refuses the credentials.
        """
        owned = []
        if client is None:
            assert uri is not None
            try:
                client = make_client(uri, driver=driver, appname="sessionwire", **_TIMEOUTS)
                stream = make_client(
                    uri, driver=driver, appname="sessionwire-stream", maxPoolSize=5, **_TIMEOUTS
                )
            except (driver_errors.ConfigurationError, ValueError) as error:
                raise StartupError(
                    f"SESSIONWIRE_MONGODB_URI is not usable: {one_line(error)}",
                    remedy="Write it as mongodb://host:port/?replicaSet=name or mongodb+srv://host/.",
                ) from None
            owned = [client, stream]
        else:
            stream = client
        store = cls(client, stream, database, naming=naming)
        try:
            await store._check()
            yield store
        finally:
            for each in owned:
                await close_client(each)

    async def _check(self) -> None:
        try:
            hello = await self.client.admin.command("hello")
        except driver_errors.OperationFailure as error:
            raise StartupError(
                f"MongoDB refused the connection: {one_line(error)}",
                remedy="Check the user, the password and authSource in SESSIONWIRE_MONGODB_URI.",
            ) from None
        except driver_errors.PyMongoError as error:
            raise StartupError(
                f"MongoDB cannot be reached: {one_line(error)}",
                remedy="Start it, or correct SESSIONWIRE_MONGODB_URI (unset: embedded MongoDB).",
            ) from None
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise StartupError(
                "MongoDB runs standalone: it has no change streams, which sessionwire lives on.",
                remedy="Start mongod with --replSet rs0, run rs.initiate() once; one node will do.",
            )
        self.sharded = hello.get("msg") == "isdbgrid"
        if hello["maxWireVersion"] < 13:
            raise StartupError(
                "MongoDB is older than 5.0, and cannot read as of a cluster time.",
                remedy="Upgrade it; 6.0 or later is best.",
            )

    @property
    def name(self) -> str:
        """Of the database."""
        return self._name

    @property
    def has_stream_client(self) -> bool:
        """Whether the stream's client is our own, and no application's."""
        return self.stream_client is not self.client

    def _collection(self, name: str) -> Any:
        collection = self._collection_of_theirs(self.naming.collection(name))
        names = self.naming.fields(name)
        return collection if names is None else RenamedCollection(collection, names)

    def _collection_of_theirs(self, name: str) -> Any:
        return self.client.get_database(
            self._name,
            codec_options=CODEC,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", wtimeout=8_000),
            read_preference=ReadPreference.PRIMARY,
        )[name]

    @property
    def raw(self) -> Any:
        """The driver's database, for commands on the stream's own connections."""
        return self.stream_client.get_database(
            self._name, codec_options=CODEC, read_preference=ReadPreference.PRIMARY
        )

    async def find_one(
        self, collection: str, filter: Mapping[str, Any], *, sort: str | None = None
    ) -> Document | None:
        """The first matching document, or None; `sort` names a field, ascending."""
        with translated():
            found: Document | None = await self._collection(collection).find_one(
                filter, sort=[(sort, ASCENDING)] if sort else None
            )
            return found

    async def find(
        self,
        collection: str,
        filter: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] = (),
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """All matching documents; `limit` 0 means no limit."""
        with translated():
            cursor = self._collection(collection).find(filter, skip=skip, limit=limit)
            if sort:
                cursor = cursor.sort(list(sort))
            found: list[Document] = await cursor.to_list(None)
            return found

    async def count(self, collection: str, filter: Mapping[str, Any]) -> int:
        with translated():
            counted: int = await self._collection(collection).count_documents(filter)
            return counted

    async def estimate(self, collection: str) -> int:
        """How many documents there are by MongoDB's own books, without looking at them."""
        with translated():
            return int(await self._collection(collection).estimated_document_count())

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A series of writes in one driver session; afterwards `version` says where they show.

        Each is acknowledged by the majority before the next begins. It is not a transaction.
        """
        with translated():
            async with await start_session(self.client) as session:
                yield Writing(self, session)

    async def ping(self) -> Version:
        """The newest version that the database knows. Raises Unavailable."""
        with translated():
            reply = await self.client.admin.command("ping")
            return time_of(reply)

    async def ensure_indexes(self) -> None:
        """Create what is missing.

        Raises StartupError when a database that another program wrote holds duplicates.
        """
        await ensure_indexes(self._collection_of_theirs, place=self.naming.place)


class Writing:
    """Writes of one caller; `version` is that of the last one, 0 before the first."""

    def __init__(self, store: Store, session: Any) -> None:
        self._store = store
        self._session = session
        self.notes: list[Any] = []
        """What is to be told once the writes are done."""

    @property
    def version(self) -> Version:
        timestamp = self._session.operation_time
        return Version(0) if timestamp is None else from_timestamp(timestamp)

    def _collection(self, name: str) -> Any:
        return self._store._collection(name)

    async def find_one(self, collection: str, filter: Mapping[str, Any]) -> Document | None:
        with translated():
            found: Document | None = await self._collection(collection).find_one(
                filter, session=self._session
            )
            return found

    async def find(
        self,
        collection: str,
        filter: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] = (),
    ) -> list[Document]:
        """All matching documents; inside `atomically` of its moment."""
        with translated():
            cursor = self._collection(collection).find(filter, session=self._session)
            if sort:
                cursor = cursor.sort(list(sort))
            found: list[Document] = await cursor.to_list(None)
            return found

    async def insert_one(self, collection: str, document: Mapping[str, Any]) -> None:
        """Raises Duplicate when a unique index refuses it."""
        with translated():
            await self._collection(collection).insert_one(document, session=self._session)

    async def update_one(
        self,
        collection: str,
        filter: Mapping[str, Any],
        update: Mapping[str, Any] | list[dict[str, Any]],
        *,
        upsert: bool = False,
    ) -> bool:
        """Whether a document matched, or was inserted. Raises Duplicate."""
        with translated():
            done = await self._collection(collection).update_one(
                filter, update, upsert=upsert, session=self._session
            )
            return bool(done.matched_count or done.upserted_id is not None)

    async def update_many(
        self, collection: str, filter: Mapping[str, Any], update: Mapping[str, Any]
    ) -> int:
        """How many documents matched."""
        with translated():
            done = await self._collection(collection).update_many(
                filter, update, session=self._session
            )
            return int(done.matched_count)

    async def find_one_and_update(
        self, collection: str, filter: Mapping[str, Any], update: Mapping[str, Any]
    ) -> Document | None:
        """The document as it is after the update, or None when nothing matched."""
        with translated():
            found: Document | None = await self._collection(collection).find_one_and_update(
                filter, update, return_document=ReturnDocument.AFTER, session=self._session
            )
            return found

    async def find_one_and_delete(
        self, collection: str, filter: Mapping[str, Any]
    ) -> Document | None:
        """The document that this call, and no other, deleted; None when nothing matched."""
        with translated():
            found: Document | None = await self._collection(collection).find_one_and_delete(
                filter, session=self._session
            )
            return found

    async def delete_one(self, collection: str, filter: Mapping[str, Any]) -> bool:
        with translated():
            done = await self._collection(collection).delete_one(filter, session=self._session)
            return bool(done.deleted_count)

    async def delete_many(self, collection: str, filter: Mapping[str, Any]) -> int:
        with translated():
            done = await self._collection(collection).delete_many(filter, session=self._session)
            return int(done.deleted_count)

    async def lock(self, collection: str, id: Any) -> None:
        """Inside `atomically`, be alone with this document, too."""
        await self.update_one(collection, {"_id": id}, _LOCKED)

    async def atomically(
        self, collection: str, id: Any, work: Callable[[], Awaitable[_Result]]
    ) -> _Result:
        """What `work` returns, run as a transaction, alone among those that lock the same document.

        Who comes second waits for the first, or is run again when that is another process', and
        sees what it did. `work` reads and writes through this object only, and what it raises
        undoes its writes, and forgets its notes.
        Raises Unavailable when others are in the way for too long.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + _TRANSACTION_SECONDS
        async with self._store.turns.at(collection, id, until=deadline):
            while True:
                try:
                    return await self._transaction(collection, id, work)
                except (Unavailable, driver_errors.PyMongoError) as error:
                    if not _is_transient(error) or clock() > deadline:
                        with translated():
                            raise
                await asyncio.sleep(random.uniform(0.001, 0.02))

    async def _transaction(
        self, collection: str, id: Any, work: Callable[[], Awaitable[_Result]]
    ) -> _Result:
        started = self._session.start_transaction(
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", wtimeout=8_000),
        )
        noted = len(self.notes)
        try:
            async with await started if inspect.isawaitable(started) else started:
                await self._collection(collection).update_one(
                    {"_id": id}, _LOCKED, session=self._session
                )
                return await work()
        except BaseException:
            del self.notes[noted:]
            raise


def _is_transient(error: BaseException) -> bool:
    """Whether the transaction had no effect because of another one, and may be run again."""
    cause = error if isinstance(error, driver_errors.PyMongoError) else error.__cause__
    return isinstance(cause, driver_errors.PyMongoError) and cause.has_error_label(
        "TransientTransactionError"
    )
