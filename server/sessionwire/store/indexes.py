"""The indexes that the server needs, made where they are missing."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING
from pymongo import errors as driver_errors

from sessionwire.errors import StartupError
from sessionwire.store.driver import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INDEXES", "ensure_indexes"]

logger = logging.getLogger("sessionwire.store")

_PATIENCE = 15.0
_PAUSE = 0.25
_PASSING = frozenset({64, 91, 189, 262, 10107, 11600, 11602, 13435})
"""WriteConcernFailed (in time), ShutdownInProgress, PrimarySteppedDown, ExceededTimeLimit,
NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange,
NotPrimaryNoSecondaryOk: there will be another primary."""
_INDEX_EXISTS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: under another name, or with other options."""

INDEXES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("user", "onboardedAt", {"name": "user_onboardedAt_idx"}),
    ("user", "email", {"name": "user_email_uidx", "unique": True}),
    ("session", "token", {"name": "session_token_uidx", "unique": True}),
    ("session", "userId", {"name": "session_userId_idx"}),
    ("session", "expiresAt", {"name": "session_expiresAt_ttl", "expireAfterSeconds": 0}),
    ("account", "userId", {"name": "account_userId_idx"}),
    ("account", "accountId", {"name": "account_accountId_idx"}),
    ("verification", "identifier", {"name": "verification_identifier_idx"}),
    ("verification", "expiresAt", {"name": "verification_expiresAt_ttl", "expireAfterSeconds": 0}),
    ("verification", "subject", {"name": "verification_subject_idx", "sparse": True}),
    ("organization", "slug", {"name": "organization_slug_uidx", "unique": True}),
    ("member", "organizationId", {"name": "member_organizationId_idx"}),
    ("member", "userId", {"name": "member_userId_idx"}),
    ("invitation", "email", {"name": "invitation_email_idx"}),
    ("invitation", "organizationId", {"name": "invitation_organizationId_idx"}),
    ("sessionEnd", "at", {"name": "sessionEnd_ttl", "expireAfterSeconds": 86_400}),
    ("sessionEvent", "dueAt", {"name": "sessionEvent_dueAt_idx"}),
    ("sessionEvent", "at", {"name": "sessionEvent_ttl", "expireAfterSeconds": 4 * 86_400}),
    ("sessionMail", "at", {"name": "sessionMail_ttl", "expireAfterSeconds": 86_400}),
    (
        "sessionThrottle",
        "expiresAt",
        {"name": "sessionThrottle_expiresAt_ttl", "expireAfterSeconds": 0},
    ),
)


async def ensure_indexes(
    collection_named: Callable[[str], Any], *, place: Callable[[str, str], tuple[str, str]]
) -> None:
    """Create what is missing; `place` says where a collection and a field of ours are stored.

    An election is waited for. Raises StartupError when MongoDB refuses, or takes no writes for 15
    seconds, when a database that another program wrote holds duplicates, or when its own index
    would let them through.
    """
    deadline = time.monotonic() + _PATIENCE
    for ours, path, options in INDEXES:
        name, field = place(ours, path)
        collection = collection_named(name)
        try:
            await _create(collection, field, options, deadline)
        except driver_errors.DuplicateKeyError as error:
            raise StartupError(
                f"The collection {name} holds documents with the same {field}: {one_line(error)}",
                remedy=f"Make {name}.{field} unique, then start again.",
            ) from None
        except driver_errors.OperationFailure as error:
            if error.code not in _INDEX_EXISTS:
                raise StartupError(
                    f"MongoDB refuses an index on {name}.{field}: {one_line(error)}",
                    remedy="Give the user the role readWrite on the database.",
                ) from None
            await _keep(collection, field, unique="unique" in options)
            logger.warning("Keeping the existing index on %s.%s", name, field)


async def _create(collection: Any, field: str, options: dict[str, Any], deadline: float) -> None:
    """Create one index, as soon as there is a primary."""
    while True:
        try:
            await collection.create_index([(field, ASCENDING)], **options)
            return
        except driver_errors.PyMongoError as error:
            if not _passes(error):
                raise
            if time.monotonic() > deadline:
                raise StartupError(
                    f"MongoDB takes no writes: {one_line(error)}",
                    remedy="Start again when its replica set has a primary and a majority.",
                ) from None
        await asyncio.sleep(_PAUSE)


def _passes(error: driver_errors.PyMongoError) -> bool:
    if isinstance(error, driver_errors.OperationFailure):
        return error.code in _PASSING
    return isinstance(error, driver_errors.ConnectionFailure)


async def _keep(collection: Any, field: str, *, unique: bool) -> None:
    """Accept the index that is there, unless it lets through what ours would refuse."""
    existing = await collection.index_information()
    same = {
        name: "unique" in each and "partialFilterExpression" not in each
        for name, each in existing.items()
        if each["key"] == [(field, ASCENDING)]
    }
    if unique and not any(same.values()):
        raise StartupError(
            f"The index that {collection.name} has on {field} does not keep it unique.",
            remedy=f"Drop it ({', '.join(same)}); the server makes its own.",
        )
