"""How far a MongoDB URI leads: its text, its names, its servers, its primary, its credentials."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient
from pymongo import errors as driver_errors
from pymongo.uri_parser import parse_uri

from sessionwire.store.driver import one_line
from sessionwire.store.examination.facts import Node, Reach, UriOptions
from sessionwire.store.examination.node import brief, fault_of, node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["connected", "options_of", "reach", "without_password"]

_SELECTION_MS = 5_000
_NAME_SECONDS = 5.0
_NODES = 12
_PINGS = 5
_TLS_OPTIONS = ("tls", "tlscafile", "tlscertificatekeyfile", "tlsallowinvalidcertificates",
                "tlsallowinvalidhostnames", "tlsinsecure", "tlscertificatekeyfilepassword",
                "tlscrlfile", "tlsdisableocspendpointcheck")  # fmt: skip
_PASSWORD = re.compile(r"(mongodb(?:\+srv)?://[^:@/?]*):(.*)@")  # to the last @: it may hold others
_SECRET_OPTION = re.compile(r"([?&](?:\w*password|authMechanismProperties)=)[^&]*", re.IGNORECASE)
_AUTHENTICATION_FAILED = frozenset({18, 8000})
_UNAUTHORIZED = 13
_LOCAL = re.compile(r"(localhost|127\.[\d.]+|::1|/.*)\Z")


def without_password(uri: str) -> str:
    """The URI as it may be shown."""
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", uri))


def _without_secrets(said: str, uri: str) -> str:
    """What a driver said of the URI, without any part of its password."""
    found = _PASSWORD.search(uri)
    for part in re.split("[@:/]", found[2] if found else ""):
        said = said.replace(part, "***") if len(part) > 2 else said
    return without_password(said)


async def reach(uri: str) -> Reach:
    """Try the URI step by step, so that what fails is told apart. Raises nothing for what fails."""
    shown = without_password(uri)
    if "@" in uri.partition("://")[2].partition("/")[2].partition("?")[0]:
        # Its parts would be taken for a host and a database, and shown.
        return Reach(shown, uri_fault="the password holds / or @, written as %2F and %40")
    try:
        parsed = await asyncio.to_thread(_parse, uri)
    except (driver_errors.PyMongoError, ValueError) as error:
        said = _without_secrets(one_line(error), uri)
        if uri.startswith("mongodb+srv:") and fault_of(said) in ("dns", "timeout"):
            return Reach(shown, nodes=(Node(shown, "dns", said),))
        return Reach(shown, uri_fault=said)
    options = _lowered(parsed)
    tls = {name: options[name] for name in _TLS_OPTIONS if name in options}
    seeds = [_address(host, port) for host, port in parsed["nodelist"]][:_NODES]
    nodes = tuple(await asyncio.gather(*(node(each, tls) for each in seeds)))
    found = Reach(shown, nodes=nodes, wanted_set=options.get("replicaset"))
    if any(_may_be_chosen(each, found.wanted_set) for each in nodes):
        return await _selected(uri, found, stranger=parsed["username"] is None)
    return found


def _may_be_chosen(seen: Node, wanted_set: str | None) -> bool:
    """Whether the driver would look further at a server that answered so."""
    if wanted_set is None:
        return seen.kind in ("member", "mongos")
    return seen.set_name == wanted_set


@contextlib.asynccontextmanager
async def connected(uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client for looking around: nothing is tried twice, and nothing waits long."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uri,
        appname="sessionwire-doctor",
        serverSelectionTimeoutMS=_SELECTION_MS,
        connectTimeoutMS=_SELECTION_MS,
        socketTimeoutMS=15_000,
        retryReads=False,
        serverMonitoringMode="poll",
        tz_aware=True,
    )
    async with client:
        yield client


async def options_of(uri: str) -> UriOptions:
    """What the URI asks for. Raises for one that cannot be read."""
    parsed = await asyncio.to_thread(_parse, uri)
    options = _lowered(parsed)
    return UriOptions(
        retry_writes=options.get("retrywrites", True),
        direct=options.get("directconnection", False),
        invalid_certificates=any(
            options.get(name) for name in _TLS_OPTIONS if "invalid" in name or "insecure" in name
        ),
        tls=bool(options.get("tls")),
        credentials=parsed["username"] is not None,
        write=None if "w" not in options else str(options["w"]),
        read=options.get("readconcernlevel"),
        read_preference=options.get("readpreference"),
        compressors=tuple(options.get("compressors", ())),
        loopback=all(_LOCAL.match(host) for host, _ in parsed["nodelist"]),
    )


def _parse(uri: str) -> dict[str, Any]:
    return dict(parse_uri(uri, warn=False, connect_timeout=_NAME_SECONDS))


def _lowered(parsed: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in dict(parsed["options"]).items()}


async def _selected(uri: str, found: Reach, *, stranger: bool) -> Reach:
    """Whether the driver finds a primary, and MongoDB takes the credentials.

    A command is refused with 13 to a stranger; somebody who is known may only lack a privilege.
    """
    try:
        async with connected(uri) as client:
            # Unlike hello or ping, it is refused to strangers where there is authentication.
            await client.admin.command({"listDatabases": 1, "nameOnly": True})
            return replace(found, round_trip_ms=await _round_trip(client))
    except driver_errors.OperationFailure as error:
        if error.code in _AUTHENTICATION_FAILED or (error.code == _UNAUTHORIZED and stranger):
            return replace(found, auth_fault=brief(error))
        return replace(found, round_trip_ms=0.0)  # known, and may not list
    except driver_errors.PyMongoError as error:
        return replace(found, selection_fault=brief(error))


async def _round_trip(client: AsyncMongoClient[dict[str, Any]]) -> float:
    """The shortest of some, in milliseconds: the others waited for something else."""
    trips = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        await client.admin.command("ping")
        trips.append(time.perf_counter() - began)
    return 1000 * min(trips)


def _address(host: str, port: int | None) -> str:
    """As hello names members; a socket in the file system by its path."""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
