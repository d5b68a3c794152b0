"""A collection whose fields are called otherwise: the driver's methods, called with our names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sessionwire.model import Document
    from sessionwire.store.mapping import FieldNames

__all__ = ["RenamedCollection"]


class RenamedCollection:
    """As much of the driver's collection as the store uses; options are passed on as they are."""

    def __init__(self, collection: Any, names: FieldNames) -> None:
        self._collection = collection
        self._names = names

    async def find_one(
        self,
        filter: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] | None = None,
        session: Any = None,
    ) -> Document | None:
        found = await self._collection.find_one(
            self._names.filter(filter), sort=self._sort(sort), session=session
        )
        return self._read(found)

    def find(
        self, filter: Mapping[str, Any], *, skip: int = 0, limit: int = 0, session: Any = None
    ) -> _RenamedCursor:
        cursor = self._collection.find(
            self._names.filter(filter), skip=skip, limit=limit, session=session
        )
        return _RenamedCursor(cursor, self._names)

    async def count_documents(self, filter: Mapping[str, Any], *, session: Any = None) -> int:
        counted: int = await self._collection.count_documents(
            self._names.filter(filter), session=session
        )
        return counted

    async def insert_one(self, document: Mapping[str, Any], *, session: Any = None) -> Any:
        with self._duplicates():
            return await self._collection.insert_one(
                self._names.outgoing(document), session=session
            )

    async def update_one(
        self,
        filter: Mapping[str, Any],
        update: Mapping[str, Any] | list[dict[str, Any]],
        *,
        upsert: bool = False,
        session: Any = None,
    ) -> Any:
        with self._duplicates():
            return await self._collection.update_one(
                self._names.filter(filter),
                self._names.update(update),
                upsert=upsert,
                session=session,
            )

    async def update_many(
        self,
        filter: Mapping[str, Any],
        update: Mapping[str, Any] | list[dict[str, Any]],
        *,
        session: Any = None,
    ) -> Any:
        with self._duplicates():
            return await self._collection.update_many(
                self._names.filter(filter), self._names.update(update), session=session
            )

    async def find_one_and_update(
        self,
        filter: Mapping[str, Any],
        update: Mapping[str, Any] | list[dict[str, Any]],
        *,
        return_document: bool,
        upsert: bool = False,
        session: Any = None,
    ) -> Document | None:
        with self._duplicates():
            found = await self._collection.find_one_and_update(
                self._names.filter(filter),
                self._names.update(update),
                upsert=upsert,
                return_document=return_document,
                session=session,
            )
        return self._read(found)

    async def find_one_and_delete(
        self, filter: Mapping[str, Any], *, session: Any = None
    ) -> Document | None:
        found = await self._collection.find_one_and_delete(
            self._names.filter(filter), session=session
        )
        return self._read(found)

    async def delete_one(self, filter: Mapping[str, Any], *, session: Any = None) -> Any:
        return await self._collection.delete_one(self._names.filter(filter), session=session)

    async def delete_many(self, filter: Mapping[str, Any], *, session: Any = None) -> Any:
        return await self._collection.delete_many(self._names.filter(filter), session=session)

    def _sort(self, sort: Sequence[tuple[str, int]] | None) -> list[tuple[str, int]] | None:
        return [(self._names.theirs(path), way) for path, way in sort] if sort else None

    def _read(self, found: Document | None) -> Document | None:
        return None if found is None else self._names.incoming(found)

    @contextlib.contextmanager
    def _duplicates(self) -> Iterator[None]:
        """A refusal by a unique index names our fields."""
        try:
            yield
        except driver_errors.DuplicateKeyError as error:
            details: Any = error.details or {}
            if "keyPattern" in details:
                details["keyPattern"] = self._names.incoming(details["keyPattern"])
            raise


class _RenamedCursor:
    def __init__(self, cursor: Any, names: FieldNames) -> None:
        self._cursor = cursor
        self._names = names

    def sort(self, sort: Sequence[tuple[str, int]]) -> _RenamedCursor:
        self._cursor = self._cursor.sort([(self._names.theirs(path), way) for path, way in sort])
        return self

    async def to_list(self, length: int | None) -> list[Document]:
        return [self._names.incoming(each) for each in await self._cursor.to_list(length)]
