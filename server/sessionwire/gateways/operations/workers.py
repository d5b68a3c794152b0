"""The numbers of all workers of one server, whichever of them is asked.

A port that several processes share answers from one of them, by chance. So each worker tells its
numbers on a Unix socket in a directory that they share, and who is asked asks the others
(docs/decisions/0019-metrics-of-several-workers.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sessionwire.gateways.operations.families import gauge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

__all__ = ["Workers"]

_WITHIN = 1.0
_LIMIT = 16 * 1024 * 1024
_LABEL = "process"


class _Family(msgspec.Struct, array_like=True, frozen=True):
    name: str
    said: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Family]).decode


class Workers:
    """One worker among those that share `directory`; without one it is alone, and says so."""

    def __init__(self, registry: CollectorRegistry, directory: Path | None) -> None:
        self._registry = registry
        self._directory = directory
        self._own = str(os.getpid())

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Answer the others while the block runs."""
        if self._directory is None:
            yield
            return
        _make(self._directory)
        path = self._directory / self._own
        server = await asyncio.start_unix_server(self._tell, path)
        async with server:
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(_encode(_families(self._registry)))
            await writer.drain()
        writer.close()

    async def registry(self) -> CollectorRegistry:
        """What to show: this process's numbers, or those of all of them, each with its `process`.

        A worker that does not answer within a second is shown by `sessionwire_worker_up` 0 alone.
        """
        if self._directory is None:
            return self._registry
        others = [each for each in self._directory.iterdir() if each.name != self._own]
        told = await asyncio.gather(*map(_ask, others))
        found: dict[str, list[_Family] | None] = {self._own: _families(self._registry)}
        for path, answer in zip(others, told, strict=True):
            if answer is not _GONE:
                found[path.name] = answer
        gathered = CollectorRegistry()
        gathered.register(_Gathered(found))
        return gathered


_GONE: list[_Family] = []
"""The answer of a worker that has ended."""


async def _ask(path: Path) -> list[_Family] | None:
    """What the worker says; None when it does not answer."""
    try:
        async with asyncio.timeout(_WITHIN):
            reader, writer = await asyncio.open_unix_connection(path, limit=_LIMIT)
            try:
                return _decode(await reader.read(-1))
            finally:
                writer.close()
    except (ConnectionRefusedError, FileNotFoundError):
        _bury(path)
        return _GONE
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None


def _make(directory: Path) -> None:
    """For this user only: who may connect is told everything."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _bury(path: Path) -> None:
    """Its worker was killed, and could not do it."""
    path.unlink(missing_ok=True)


def _families(registry: CollectorRegistry) -> list[_Family]:
    return [
        _Family(
            each.name,
            each.documentation,
            each.type,
            [(sample.name, sample.labels, sample.value) for sample in each.samples],
        )
        for each in registry.collect()
    ]


class _Gathered(Collector):
    def __init__(self, found: dict[str, list[_Family] | None]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        up = gauge("worker_up", "1 for a worker that told its numbers, 0 for one that hangs.", 0)
        up.samples.clear()
        for process, families in sorted(self._found.items()):
            up.add_sample("sessionwire_worker_up", {_LABEL: process}, float(families is not None))
            _merge(merged, families or [], process)
        yield up
        yield from merged.values()


def _merge(merged: dict[str, Metric], families: Iterable[_Family], process: str) -> None:
    for each in families:
        metric = merged.setdefault(each.name, Metric(each.name, each.said, each.kind))
        for name, labels, value in each.samples:
            metric.add_sample(name, {**labels, _LABEL: process}, value)
