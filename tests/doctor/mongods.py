"""Real mongods that are set up wrongly, each over a directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pymongo import AsyncMongoClient
from pymongo import errors as driver_errors

from sessionwire.store.embedded import find_mongod
from sessionwire.store.mongod import Mongod, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = [
    "ADMIN",
    "READER",
    "SERVER",
    "Running",
    "certificate",
    "guarded",
    "mongod",
    "replica_set",
]

ADMIN = ("admin", "of these tests 1")
READER = ("reader", "of these tests 2")
SERVER = ("server", "of these tests 3")
_LOCAL = "127.0.0.1"
_START_SECONDS = 40.0


@dataclass(frozen=True)
class Running:
    """A mongod that answers on this port of 127.0.0.1."""

    port: int
    name: str = "rs0"

    def uri(self, user: tuple[str, str] | None = None, *, options: str = "") -> str:
        """With the password percent-encoded, and the options behind the set's name."""
        who = "" if user is None else f"{user[0]}:{user[1].replace(' ', '%20')}@"
        return f"mongodb://{who}{_LOCAL}:{self.port}/?replicaSet={self.name}{options}"


@contextlib.asynccontextmanager
async def mongod(directory: Path, *options: str) -> AsyncIterator[int]:
    """A mongod with these options until the block ends; its port."""
    data = directory / "data"
    data.mkdir(parents=True)
    port = free_port()
    command = [
        str(find_mongod(None, os.environ)),
        *("--dbpath", str(data), "--bind_ip", _LOCAL, "--port", str(port), "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false", *options),
    ]
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        running = Mongod.launch(command, log=log, environment=os.environ)
    finally:
        os.close(log)
    try:
        await _answering(port, running, tls="--tlsMode" in options)
        yield port
    finally:
        await running.end()


@contextlib.asynccontextmanager
async def replica_set(directory: Path, *options: str) -> AsyncIterator[Running]:
    """A set of one, with mongod's defaults but for these options."""
    async with mongod(directory, "--replSet", "rs0", *options) as port:
        await _initiate(port)
        yield Running(port)


@contextlib.asynccontextmanager
async def guarded(directory: Path, database: str) -> AsyncIterator[Running]:
    """A set of one that asks who one is: ADMIN, READER (read only) and SERVER (readWrite)."""
    options = ("--replSet", "rs0", "--auth", "--keyFile", str(_key(directory)))
    async with mongod(directory / "mongod", *options) as port:
        await _initiate(port)  # allowed to a stranger on this machine while there is no user
        running = Running(port)
        async with _client(port) as client:
            await _add(client, ADMIN, "root", "admin")
        async with AsyncMongoClient[dict[str, Any]](running.uri(ADMIN)) as client:
            await _add(client, READER, "read", database)
            await _add(client, SERVER, "readWrite", database)
        yield running


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.IPAddress(ipaddress.ip_address(_LOCAL)), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def _key(directory: Path) -> Path:
    directory.mkdir(parents=True)
    key = directory / "key"
    key.write_text("ofthesetestsonly" * 3)
    key.chmod(0o600)
    return key


def _client(port: int) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(
        _LOCAL, port, directConnection=True, serverSelectionTimeoutMS=2_000, connectTimeoutMS=2_000
    )


async def _answering(port: int, running: Mongod, *, tls: bool) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            assert running.exit_code() is None, "mongod ended"
            try:
                if tls:
                    socket.create_connection((_LOCAL, port), timeout=1).close()
                else:
                    async with _client(port) as client:
                        await client.admin.command("hello")
                return
            except (OSError, driver_errors.PyMongoError):
                await asyncio.sleep(0.05)


async def _initiate(port: int) -> None:
    members = [{"_id": 0, "host": f"{_LOCAL}:{port}"}]
    async with _client(port) as client, asyncio.timeout(_START_SECONDS):
        await client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        while not (await client.admin.command("hello"))["isWritablePrimary"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _add(client: Any, user: tuple[str, str], role: str, database: str) -> None:
    name, password = user
    roles = [{"role": role, "db": database}]
    await client.admin.command("createUser", name, pwd=password, roles=roles)
