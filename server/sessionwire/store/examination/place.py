"""Which MongoDB `serve` would use: that of the URI, or the embedded one, running or started."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sessionwire.store.data_directory import DataDirectory
from sessionwire.store.diagnosis import explain_os_error
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.mongod import HOST, SET_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Place", "placed"]


@dataclass(frozen=True, slots=True)
class Place:
    """`given`: by the URI. `running`: embedded, of a server that runs. `started`: embedded, for
    this examination, over the data directory. `trial`: the same over a directory that goes away,
    because there is none yet."""

    uri: str
    kind: Literal["given", "running", "started", "trial"]


@contextlib.asynccontextmanager
async def placed(uri: str | None, data_dir: Path) -> AsyncIterator[Place]:
    """The MongoDB, while the block runs; a server's own mongod is only looked at.

    Raises StartupError when the embedded one does not start.
    """
    if uri is not None:
        yield Place(uri, "given")
    elif (port := _running_port(data_dir)) is not None:
        yield Place(f"mongodb://{HOST}:{port}/?replicaSet={SET_NAME}", "running")
    elif (data_dir / "mongodb").exists():
        async with EmbeddedMongo(data_dir) as mongo:
            yield Place(mongo.uri, "started")
    else:
        trial = Path(tempfile.mkdtemp(prefix="sessionwire-doctor-"))
        try:
            async with EmbeddedMongo(trial) as mongo:
                yield Place(mongo.uri, "trial")
        finally:
            shutil.rmtree(trial, ignore_errors=True)


def _running_port(data_dir: Path) -> int | None:
    """Of the mongod that serves this directory now, whoever started it."""
    directory = DataDirectory(data_dir)
    try:
        trace = directory.remembered()
    except OSError as error:
        raise explain_os_error(error, directory.path) from None
    return trace.port if trace is not None and trace.is_running(directory.data) else None
