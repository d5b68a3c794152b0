"""What the user of the URI may do: asked of MongoDB, and tried where trying changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

from sessionwire.store.driver import one_line
from sessionwire.store.examination.facts import Access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pymongo import AsyncMongoClient

__all__ = ["NEEDED", "access_of", "grants"]

NEEDED = ("find", "insert", "update", "remove", "createIndex", "listIndexes")
"""On each collection; `changeStream` and `find` on the whole database come on top."""


async def access_of(
    client: AsyncMongoClient[dict[str, Any]], database: str, collections: Sequence[str]
) -> Access:
    """Ask for the privileges, then try every read that serving makes."""
    info = (await client.admin.command({"connectionStatus": 1, "showPrivileges": True}))["authInfo"]
    refused = [each async for each in _refusals(client, database, collections)]
    if not info["authenticatedUsers"]:
        return Access(None, (), (), tuple(refused))
    privileges = info["authenticatedUserPrivileges"]
    missing = [
        (action, f"{database}.{collection}")
        for collection in collections
        for action in NEEDED
        if not grants(privileges, action, database, collection)
    ]
    missing += [
        (action, f"{database} (all collections)")
        for action in ("changeStream", "find")
        if not grants(privileges, action, database, "")
    ]
    user = info["authenticatedUsers"][0]
    roles = tuple(f"{each['role']}@{each['db']}" for each in info["authenticatedUserRoles"])
    return Access(f"{user['user']}@{user['db']}", roles, tuple(missing), tuple(refused))


def grants(
    privileges: Iterable[Mapping[str, Any]], action: str, database: str, collection: str
) -> bool:
    """Whether one of them allows the action there; an empty name stands for every name."""
    return any(
        action in each["actions"] and _covers(each["resource"], database, collection)
        for each in privileges
    )


def _covers(resource: Mapping[str, Any], database: str, collection: str) -> bool:
    if resource.get("anyResource"):
        return True
    if "db" not in resource:
        return False
    fits = resource["db"] in ("", database)
    return fits and resource["collection"] in ("", collection)


async def _refusals(
    client: AsyncMongoClient[dict[str, Any]], name: str, collections: Sequence[str]
) -> Any:
    database = client[name]
    for each in collections:
        try:
            await database[each].find_one({}, {"_id": 1}, max_time_ms=2_000)
        except driver_errors.OperationFailure as error:
            yield f"find in {name}.{each}", one_line(error)
            break  # the others will be refused for the same reason
    try:
        async with await database.watch(max_await_time_ms=1):
            pass
    except driver_errors.OperationFailure as error:
        yield f"a change stream on {name}", one_line(error)
