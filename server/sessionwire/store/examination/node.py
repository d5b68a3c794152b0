"""One MongoDB server, greeted by a stranger: what it says it is, or why it says nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from pymongo import AsyncMongoClient
from pymongo import errors as driver_errors

from sessionwire.store.examination.facts import Node

if TYPE_CHECKING:
    from sessionwire.store.examination.facts import Faults

__all__ = ["brief", "fault_of", "node"]

_NODE_SECONDS = 2.5
_NO_NAME = (
    "Name or service not known|nodename nor servname|Temporary failure in name|"
    "No address associated|getaddrinfo|does not exist|NXDOMAIN"
)
_FAULTS: tuple[tuple[Faults, str], ...] = (
    ("certificate", r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|doesn't match|mismatch"),
    ("tls", r"SSL|TLS"),
    ("dns", _NO_NAME),
    ("refused", r"refused"),
    ("tls-required", r"connection closed|Connection reset"),
    ("timeout", r"timed out|timeout|lifetime expired|No servers found"),
)  # fmt: skip

_SAID: dict[Faults, str] = {
    "dns": "the name is not known",
    "refused": "the connection was refused",
    "timeout": f"no connection within {_NODE_SECONDS} s",
}


async def node(address: str, tls: dict[str, Any]) -> Node:
    """What one server says to a stranger, or why it says nothing."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_NODE_SECONDS):
            await _knock(address)
    except (OSError, TimeoutError) as error:
        fault = _fault_of_socket(error)
        return Node(address, fault, _SAID.get(fault, str(error)))
    # The driver tries again until this is over: not long, where the network is near.
    patience = 1000 * min(_NODE_SECONDS, max(1.0, 20 * (time.perf_counter() - began)))
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        f"mongodb://{quote(address, safe=':[]')}/",
        directConnection=True,
        serverSelectionTimeoutMS=patience,
        connectTimeoutMS=patience,
        socketTimeoutMS=patience,
        serverMonitoringMode="poll",
        **tls,
    )
    async with client:
        try:
            hello = await client.admin.command("hello")
        except driver_errors.PyMongoError as error:
            fault = fault_of(str(error))
            if fault in ("tls-required", "timeout") and not tls.get("tls"):
                fault = "tls-required" if await _speaks_tls(address) else fault
            elif fault == "tls-required":
                fault = "other"
            return Node(address, fault, brief(error))
    return Node(
        address,
        kind=_kind(hello),
        set_name=hello.get("setName"),
        primary=hello.get("primary"),
        max_wire=hello["maxWireVersion"],
    )


def _kind(hello: dict[str, Any]) -> Literal["standalone", "uninitiated", "member", "mongos"]:
    if hello.get("msg") == "isdbgrid":
        return "mongos"
    if hello.get("isreplicaset"):
        return "uninitiated"
    return "member" if "setName" in hello else "standalone"


def brief(error: BaseException) -> str:
    """What an error says, without the driver's own timeouts and its view of the set."""
    said = " ".join(str(error).split())
    for end in (" (configured timeouts", ", Timeout:", ", full error:"):
        said = said.partition(end)[0]
    return said[:200]


def _fault_of_socket(error: OSError | TimeoutError) -> Faults:
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    # asyncio names all addresses that it tried in one error
    return "timeout" if isinstance(error, TimeoutError) else fault_of(str(error))


def fault_of(said: str) -> Faults:
    """Which fault an error tells of, by its words: the driver has no classes for them."""
    for fault, pattern in _FAULTS:
        if re.search(pattern, said):
            return fault
    return "other"


async def _speaks_tls(address: str) -> bool:
    """Whether it would have answered over TLS; certificates are not looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_NODE_SECONDS):
            await _closed(await asyncio.open_connection(*_host_and_port(address), ssl=context))
    except (OSError, TimeoutError) as error:
        return isinstance(error, ssl.SSLError) and "CERTIFICATE_REQUIRED" in str(error)
    return True


async def _knock(address: str) -> None:
    """Connect, and no more: what fails here fails at once, and by its own name."""
    if address.startswith("/"):
        await _closed(await asyncio.open_unix_connection(address))
    else:
        await _closed(await asyncio.open_connection(*_host_and_port(address)))


async def _closed(opened: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    _, writer = opened
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
