"""A whole server as a process of its own, what runs under it, and a program that writes beside it.

It is not the server of the fixture `server`, which lives inside the test process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from bson import json_util

import sessionwire
from sessionwire.store.mongod import free_port
from support.server import Running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

__all__ = [
    "Ended",
    "Process",
    "Served",
    "eventually",
    "free_port",
    "launch",
    "run_to_end",
    "serve",
    "write_from_elsewhere",
]

READY_WITHIN = 30.0
STOPPED_WITHIN = 30.0
_PACKAGES = str(Path(sessionwire.__file__).parents[1])
_READY = " is ready at "

_WRITER = """
import sys, pymongo, bson.json_util as json
uri, database, collection, method, given = sys.argv[1:]
with pymongo.MongoClient(uri, w=1) as client:
    getattr(client[database][collection], method)(*json.loads(given))
"""


@dataclass(frozen=True)
class Process:
    """One running process; its start time tells it from a later one with the same number."""

    pid: int
    started: int
    name: str
    parent: int

    @property
    def is_running(self) -> bool:
        found = _inspect(self.pid)
        return found is not None and found.started == self.started

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Ended:
    """How a run ended, and all that it printed, each run of white space as one space."""

    code: int
    printed: str


class _Remote(Running):
    """A server in another process: it has an address, and no `wire`."""

    def __init__(self, address: str, clients: contextlib.AsyncExitStack) -> None:
        self.address = address
        self.clients = clients


@dataclass
class Served:
    """A server that said that it is ready at `address`."""

    process: subprocess.Popen[bytes]
    log: Path
    data_dir: Path
    address: str = ""
    web: Running = field(init=False, repr=False)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def mongodb_uri(self) -> str:
        """Of its embedded mongod."""
        remembered = msgspec.json.decode((self.data_dir / "mongod.json").read_bytes())
        return f"mongodb://127.0.0.1:{remembered['port']}/?replicaSet=sessionwire"

    def family(self) -> list[Process]:
        """Everything that runs under it, itself not included."""
        return _descendants(self.process.pid)

    def mongods(self) -> list[Process]:
        return [each for each in self.family() if each.name == "mongod"]

    def workers(self) -> list[Process]:
        """The processes that serve; their helper, multiprocessing's resource tracker, is none."""
        return [each for each in self.family() if _is_worker(each.pid)]

    async def end(self, sign: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send the signal, with `group` to all of them as a terminal does, and wait for the end.

        Its exit code. Raises TimeoutError beyond the bound.
        """
        if group:
            os.killpg(self.process.pid, sign)
        else:
            self.process.send_signal(sign)
        return await _ended(self.process)

    def established(self, process: Process) -> int:
        """How many connections to the server's port this process serves; see proc(5), net/tcp."""
        rows = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
        ours = {
            f"socket:[{fields[9]}]"
            for fields in map(str.split, rows)
            if int(fields[1].partition(":")[2], 16) == self.port and fields[3] == "01"
        }
        held = set()
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                held.add(str(entry.readlink()))
        return len(ours & held)


@contextlib.asynccontextmanager
async def serve(data_dir: Path, *options: str, **environment: str) -> AsyncIterator[Served]:
    """`sessionwire serve` until the block ends; keywords are further SESSIONWIRE_ settings.

    Nothing of it is left running afterwards, however the block ended.
    """
    served = launch(data_dir, *options, **environment)
    family: list[Process] = []
    try:
        await _announced(served)
        family = served.family()
        async with contextlib.AsyncExitStack() as clients:
            served.web = _Remote(served.address, clients)
            yield served
            family += served.family()
    finally:
        with contextlib.suppress(TimeoutError):
            if served.process.poll() is None:
                family += served.family()
                await served.end()
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()
        for each in family:
            each.kill()


def launch(data_dir: Path, *options: str, **environment: str) -> Served:
    """Start `sessionwire serve`; the caller ends it. A `--port` in `options` wins over port 0."""
    room = next(each for each in data_dir.parents if each.is_dir())
    log = room / f"server.{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "sessionwire", "serve", "--port", "0"]
    command += ["--data-dir", str(data_dir), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=room,
            start_new_session=True,
            env=_environment(environment),
            preexec_fn=_heed_interrupts,
        )
    return Served(process, log, data_dir)


def _heed_interrupts() -> None:
    """A shell has its background jobs ignore SIGINT, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def run_to_end(data_dir: Path, *options: str, **environment: str) -> Ended:
    """`sessionwire serve` where it is expected to refuse."""
    served = launch(data_dir, *options, **environment)
    try:
        code = await _ended(served.process)
    finally:
        for each in served.family():
            each.kill()
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()
    return Ended(code, " ".join(served.printed.split()))


async def write_from_elsewhere(
    uri: str, database: str, collection: str, method: str, *arguments: Any
) -> None:
    """A write with `w: 1` by another program, which knows nothing of sessionwire."""
    command = [sys.executable, "-c", _WRITER, uri, database, collection, method]
    process = await asyncio.create_subprocess_exec(*command, json_util.dumps(arguments))
    assert await process.wait() == 0


async def eventually(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait until it is so. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 (another process sets no event of ours)
            await asyncio.sleep(0.02)


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without any SESSIONWIRE_ of the machine, and with these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONWIRE_")}
    if program := os.environ.get("SESSIONWIRE_MONGOD"):
        kept["SESSIONWIRE_MONGOD"] = program
    given = {f"SESSIONWIRE_{name.upper()}": value for name, value in settings.items()}
    return {**kept, "PYTHONPATH": _PACKAGES, "PYTHONWARNINGS": "default", **given}


async def _announced(served: Served) -> None:
    def said() -> bool:
        if served.process.poll() is not None:
            raise AssertionError(f"it ended with {served.process.returncode}:\n{served.printed}")
        return _READY in served.printed and served.printed.endswith("\n")

    await eventually(said, within=READY_WITHIN)
    served.address = served.printed.partition(_READY)[2].split()[0]


async def _ended(process: subprocess.Popen[bytes]) -> int:
    await eventually(lambda: process.poll() is not None, within=STOPPED_WITHIN)
    return process.returncode


def _inspect(pid: int) -> Process | None:
    """None of an ended process or a zombie; see proc(5), stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]), name, int(fields[1]))


def _all() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _inspect(int(entry.name))) is not None:
            yield found


def _descendants(pid: int) -> list[Process]:
    everybody = list(_all())
    found: list[Process] = []
    parents = {pid}
    while parents:
        children = [each for each in everybody if each.parent in parents]
        found += children
        parents = {each.pid for each in children}
    return found


def _is_worker(pid: int) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "--multiprocessing-fork" in arguments
