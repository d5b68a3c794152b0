"""A MongoDB deployment: release, members, clock, oplog, concerns."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import errors as driver_errors

from sessionwire.store.examination.facts import Clock, Concerns, Members, Oplog, Release
from sessionwire.store.examination.node import node

if TYPE_CHECKING:
    from bson import Timestamp
    from pymongo import AsyncMongoClient

__all__ = ["clock_of", "concerns_of", "members_of", "oplog_of", "parameter", "release_of"]

_COMPRESSORS = ("snappy", "zstd", "zlib")
_CLOCK_READINGS = 9
_SILENT = ("dns", "refused", "timeout")
"""Whoever refuses our TLS is there."""


async def release_of(client: AsyncMongoClient[dict[str, Any]]) -> Release:
    """Its version, and which compressors it agrees to: it says so to anybody who offers them."""
    info = await client.admin.command("buildInfo")
    hello = await client.admin.command("hello", compression=list(_COMPRESSORS))
    feature = await parameter(client, "featureCompatibilityVersion")
    return Release(
        version=tuple(info["versionArray"][:3]),
        feature=feature["version"] if isinstance(feature, dict) else None,
        compressors=tuple(hello.get("compression", ())),
    )


async def parameter(client: AsyncMongoClient[dict[str, Any]], name: str) -> Any:
    """A server parameter; None when there is none of the name, or it may not be read."""
    try:
        return (await client.admin.command({"getParameter": 1, name: 1}))[name]
    except driver_errors.OperationFailure:
        return None


async def clock_of(client: AsyncMongoClient[dict[str, Any]]) -> Clock:
    """The reading with the shortest round trip, which bounds its error by a half of it."""
    best: tuple[float, float] | None = None
    ahead = 0.0
    for _ in range(_CLOCK_READINGS):
        began, wall = time.perf_counter(), time.time()
        hello = await client.admin.command("hello")
        trip = time.perf_counter() - began
        theirs = _aware(hello["localTime"]).timestamp()
        if best is None or trip < best[1]:
            best = theirs - (wall + trip / 2), trip
        operation: Timestamp | None = hello.get("operationTime")
        if operation is not None:
            ahead = operation.time - time.time()
    assert best is not None
    return Clock(offset=best[0], uncertainty=best[1] / 2 + 0.001, cluster_ahead=ahead)


async def members_of(client: AsyncMongoClient[dict[str, Any]], tls: bool) -> Members | None:
    """The set as its primary describes it; each member is greeted. None for a mongos."""
    hello = await client.admin.command("hello")
    if "setName" not in hello:
        return None
    data = (*hello.get("hosts", ()), *hello.get("passives", ()))
    last = hello.get("lastWrite", {})
    lag = last["lastWriteDate"] - last["majorityWriteDate"] if "majorityWriteDate" in last else None
    options = {"tls": True, "tlsAllowInvalidCertificates": True} if tls else {}
    greeted = await asyncio.gather(*(node(each, options) for each in data))
    return Members(
        set_name=hello["setName"],
        data=data,
        arbiters=tuple(hello.get("arbiters", ())),
        primary=hello.get("primary"),
        silent=tuple(each.address for each in greeted if each.fault in _SILENT),
        majority_lag=0.0 if lag is None else lag.total_seconds(),
    )


async def oplog_of(client: AsyncMongoClient[dict[str, Any]]) -> Oplog | None:
    """How far back the oplog reaches; None when that may not be read."""
    try:
        status = await client.admin.command({"serverStatus": 1, "oplog": 1, "repl": 0})
        ends = status["oplog"]
        first, last = ends["earliestOptime"], ends["latestOptime"]
        now = _aware(status["localTime"])
    except (driver_errors.OperationFailure, KeyError):
        return None
    used = limit = None
    try:
        size = await client.get_database("local").command("collStats", "oplog.rs")
        used, limit = int(size["size"]), int(size["maxSize"])
    except (driver_errors.OperationFailure, KeyError):
        pass
    return Oplog(_moment(first), _moment(last), now, used, limit)


async def concerns_of(client: AsyncMongoClient[dict[str, Any]]) -> Concerns:
    """What writes and reads of other programs mean when they say nothing."""
    try:
        said = await client.admin.command({"getDefaultRWConcern": 1})
    except driver_errors.OperationFailure:
        return Concerns(None, None)
    write = said.get("defaultWriteConcern", {}).get("w")
    return Concerns(
        None if write is None else str(write), said.get("defaultReadConcern", {}).get("level")
    )


def _aware(moment: datetime) -> datetime:
    """A command's reply is decoded without time zones: it means UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _moment(timestamp: Timestamp) -> datetime:
    return datetime.fromtimestamp(timestamp.time, UTC)
