"""A mongod of our own, for development, tests and small self-hosting.

Not for production, which has a replica set of several machines and its URI.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
from typing import TYPE_CHECKING, Self

from sessionwire.errors import StartupError
from sessionwire.store.binary import find_mongod
from sessionwire.store.data_directory import DataDirectory
from sessionwire.store.diagnosis import (
    Failure,
    Kind,
    Site,
    diagnose,
    explain,
    explain_os_error,
    summary,
)
from sessionwire.store.mongod import (
    HOST,
    SET_NAME,
    Mongod,
    accepts,
    command_line,
    free_port,
    is_free,
)
from sessionwire.store.replica_set import become_primary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["EmbeddedMongo", "find_mongod", "running_uri"]

START_SECONDS = 60.0  # of one launch
TAKEOVER_SECONDS = 20.0  # for a mongod that still holds the data; a clean end takes 1 s
OWNER_SECONDS = 1.0  # for a killed server to be gone from the process table
_POLL_SECONDS = 0.01
_WATCH_SECONDS = 0.1
_PORT_ATTEMPTS = 5
_LONGEST_BACKOFF_SECONDS = 30.0
_STABLE_SECONDS = 60.0

logger = logging.getLogger("sessionwire.embedded")


class EmbeddedMongo:
    """A mongod of our own: single-node replica set on loopback, data under `data_dir`.

    It lives as long as the thread that started it: `stop` ends it in order, the kernel when the
    thread or the process dies in any other way. While it should live, it is brought back on the
    same port whenever it dies, so that drivers reconnect.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        mongod: Path | None = None,
        port: int | None = None,
        extra_arguments: Sequence[str] = (),
    ) -> None:
        self._directory = DataDirectory(data_dir)
        self._explicit_program = mongod
        self._explicit_port = port
        self._extra = tuple(extra_arguments)
        self._site: Site | None = None
        self._mongod: Mongod | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = asyncio.Lock()

    @property
    def uri(self) -> str:
        """For any driver on this machine; the same from `start` to `stop`."""
        if self._site is None:
            raise RuntimeError("the embedded MongoDB is not started")
        return _uri(self._site.port)

    @property
    def pid(self) -> int:
        """Of the present mongod; while the next one is being started, still of the last."""
        if self._mongod is None:
            raise RuntimeError("the embedded MongoDB is not started")
        return self._mongod.pid

    async def start(self) -> str:
        """The URI of a writable primary; `stop` is due when it is no longer needed.

        Raises StartupError, and leaves no process, when there cannot be one.
        """
        if platform.system() != "Linux":
            raise StartupError(
                "the embedded MongoDB runs on Linux only",
                remedy="set SESSIONWIRE_MONGODB_URI to a MongoDB replica set",
            )
        program = find_mongod(self._explicit_program, os.environ)
        try:
            await self._claim()
            await self._end_leftover()
            self._site = await self._first_launch(program)
            # Not a TaskGroup: its life is that of this object, from here to `stop`.
            self._supervisor = asyncio.create_task(self._supervise(self._site))
        except OSError as error:
            raise explain_os_error(error, self._directory.path) from error
        finally:
            if self._supervisor is None:
                self._directory.release()
        logger.info("mongod (process %d) serves on port %d", self.pid, self._site.port)
        return self.uri

    async def stop(self) -> None:
        """End mongod and let go of the directory, within seconds; nothing to do is fine."""
        async with self._stopping, contextlib.AsyncExitStack() as stack:
            stack.callback(self._directory.release)
            stack.push_async_callback(self._end_mongod)
            await self._end_supervision()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _claim(self) -> None:
        deadline = _now() + OWNER_SECONDS
        while not self._directory.claim():
            if _now() >= deadline:
                raise StartupError(
                    f"{self._directory.path} is in use by another sessionwire server "
                    f"(process {self._directory.owner()})",
                    remedy="stop that server, or choose another directory "
                    "with --data-dir or SESSIONWIRE_DATA_DIR",
                )
            await asyncio.sleep(_WATCH_SECONDS)

    async def _end_leftover(self) -> None:
        """End the mongod of a server that was killed; the kernel has asked it to end already."""
        trace, data = self._directory.remembered(), self._directory.data
        if trace is not None and trace.is_running(data):
            logger.info("waiting for the mongod (process %d) of a killed server", trace.pid)
            await trace.end(data)

    async def _first_launch(self, program: Path) -> Site:
        """Where mongod serves: the port of the last run if it is free, so that URIs last."""
        for port in self._ports():
            site = Site(program, self._directory.data, self._directory.log, port)
            failure = await self._launch_unlocked(site)
            if failure is None:
                return site
            refusal = explain(failure, site)
            if failure.kind is not Kind.PORT_TAKEN:
                break
        raise refusal

    def _ports(self) -> Iterator[int]:
        if self._explicit_port is not None:
            yield self._explicit_port
            return
        last = self._directory.remembered()
        if last is not None:
            yield last.port
        for _ in range(_PORT_ATTEMPTS):
            yield free_port()

    async def _launch_unlocked(self, site: Site) -> Failure | None:
        """Launch, again and again for a while if another mongod still holds the data."""
        deadline = _now() + TAKEOVER_SECONDS
        while (failure := await self._launch(site)) is not None:
            if failure.kind is not Kind.DIRECTORY_LOCKED or _now() >= deadline:
                return failure
            await asyncio.sleep(_WATCH_SECONDS)
        return None

    async def _launch(self, site: Site) -> Failure | None:
        """None when mongod serves; otherwise why not, and no process is left. Raises OSError."""
        if not is_free(site.port):
            return Failure(Kind.PORT_TAKEN)
        if self._directory.is_decapitated():
            return Failure(Kind.DAMAGED, "WiredTiger.turtle is missing")
        log = self._directory.open_log()
        try:
            self._directory.cut_log()
            since = self._directory.log_size()
            command = command_line(site.program, site.data, site.port, self._extra)
            self._mongod = Mongod.launch(command, log=log, environment=os.environ)
        finally:
            os.close(log)
        return await self._outcome(self._mongod, site.port, since)

    async def _outcome(self, mongod: Mongod, port: int, since: int) -> Failure | None:
        serves = False
        try:
            self._directory.remember(mongod.trace(port))
            async with asyncio.timeout(START_SECONDS):
                code = await _until_primary(mongod, port)
            serves = code is None
        except TimeoutError:
            return Failure(Kind.SLOW, summary(self._directory.log_tail(since)))
        finally:
            if not serves:
                await mongod.end()
        if code is None:
            return None
        tail, free = self._directory.log_tail(since), self._directory.free_space()
        return diagnose(code, tail, free=free)

    async def _supervise(self, site: Site) -> None:
        """Bring mongod back whenever it dies; the oftener it does, the longer it waits."""
        delay = 0.0
        while True:
            born = _now()
            code = await self._watch()
            if _now() - born > _STABLE_SECONDS:
                delay = 0.0
            logger.warning("mongod (process %d) ended with %d; restarting it", self.pid, code)
            await asyncio.sleep(delay)
            delay = _longer(delay)
            while problem := await self._problem_of_launch(site):
                logger.error("mongod does not restart, next try in %g s: %s", delay, problem)
                await asyncio.sleep(delay)
                delay = _longer(delay)
            logger.info("mongod (process %d) serves on port %d again", self.pid, site.port)

    async def _watch(self) -> int:
        """Wait for the end of mongod, and keep its log bounded meanwhile; its exit code."""
        assert self._mongod is not None
        while (code := self._mongod.exit_code()) is None:
            with contextlib.suppress(OSError):  # a full log is no reason to stop watching
                self._directory.cut_log()
            await asyncio.sleep(_WATCH_SECONDS)
        return code

    async def _problem_of_launch(self, site: Site) -> str:
        try:
            failure = await self._launch(site)
        except OSError as error:
            return _in_one_line(explain_os_error(error, self._directory.path))
        return "" if failure is None else _in_one_line(explain(failure, site))

    async def _end_supervision(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait({supervisor})
            if not supervisor.cancelled():
                supervisor.result()

    async def _end_mongod(self) -> None:
        mongod, self._mongod, self._site = self._mongod, None, None
        if mongod is not None:
            await mongod.end()


async def _until_primary(mongod: Mongod, port: int) -> int | None:
    """None once it is writable, its exit code if it ends before."""
    while (code := mongod.exit_code()) is None:
        if accepts(port) and await become_primary(port, mongod.pid):
            return None
        await asyncio.sleep(_POLL_SECONDS)
    return code


def _now() -> float:
    return asyncio.get_running_loop().time()


def _longer(delay: float) -> float:
    return min(max(2 * delay, 0.5), _LONGEST_BACKOFF_SECONDS)


def _in_one_line(error: StartupError) -> str:
    return f"{error.message}; {error.remedy}"


def running_uri(data_dir: Path) -> str | None:
    """Of the mongod that a server runs over this directory now; None when there is none."""
    directory = DataDirectory(data_dir)
    trace = directory.remembered()
    if trace is None or not trace.is_running(directory.data):
        return None
    return _uri(trace.port)


def _uri(port: int) -> str:
    return f"mongodb://{HOST}:{port}/?replicaSet={SET_NAME}"
